# cmake -DSOURCE=REPOSITORY -DCOMMIT=HASH -DTARGET=FOLDER -P fetch_samples.cmake: fetches the folder Common of one commit.
find_program(GIT git REQUIRED)

function(git)
  execute_process(COMMAND ${GIT} ${ARGN} WORKING_DIRECTORY "${TARGET}" RESULT_VARIABLE status OUTPUT_VARIABLE output
    ERROR_VARIABLE errors OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    list(GET ARGN 0 what)
    message(FATAL_ERROR "cuda-samples: git ${what} of commit ${COMMIT} from ${SOURCE} failed:\n${errors}"
      "Set CUDA_SAMPLES_DIR to a copy that you have, or leave out MIXMAS_FETCH_CUDA_SAMPLES: they are optional.")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${TARGET}")
file(MAKE_DIRECTORY "${TARGET}")
git(init --quiet)
git(remote add origin "${SOURCE}")
git(sparse-checkout set Common)
git(fetch --quiet --depth 1 --filter=blob:none origin "${COMMIT}")
git(checkout --quiet --detach FETCH_HEAD)
git(rev-parse HEAD)
if(NOT output STREQUAL COMMIT)
  message(FATAL_ERROR "cuda-samples: ${SOURCE} gave commit ${output} instead of ${COMMIT}")
endif()
