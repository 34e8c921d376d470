# samples.cmake: finds the headers of NVIDIA's cuda-samples (helper_cuda.h), which the stand-alone benchmark and the C++
# tests use if they are available, and sets CUDA_SAMPLES_INCLUDE. Nothing requires them.
#
#   CUDA_SAMPLES_DIR                  where cuda-samples are, as a variable of CMake or of the environment
#   MIXMAS_FETCH_CUDA_SAMPLES=ON      fetch them with git if they are not found
#   CUDA_SAMPLES_SOURCE               the git repository to fetch from
#   CUDA_SAMPLES_COMMIT               what to fetch from it: a commit's full hash, so that git itself verifies the files

option(MIXMAS_FETCH_CUDA_SAMPLES "fetch the headers of cuda-samples where they are not found" OFF)
set(CUDA_SAMPLES_SOURCE https://github.com/NVIDIA/cuda-samples.git CACHE STRING "git repository of cuda-samples")
set(CUDA_SAMPLES_COMMIT 3f1c50965017932fc81e6d94a3fc9e04c105b312 CACHE STRING "its commit; this one is v13.0")

find_path(CUDA_SAMPLES_INCLUDE helper_cuda.h NO_DEFAULT_PATH PATHS
  "${CUDA_SAMPLES_DIR}/Common" "${CUDA_SAMPLES_DIR}" "$ENV{CUDA_SAMPLES_DIR}/Common" "$ENV{CUDA_SAMPLES_DIR}"
  "$ENV{CUDA_HOME}/samples/Common" "$ENV{CUDA_HOME}/samples/common/inc" "$ENV{HOME}/cuda-samples/Common"
  /usr/local/cuda-samples/Common /usr/local/cuda/samples/Common /usr/local/cuda/samples/common/inc
  /opt/cuda-samples/Common /opt/cuda/samples/Common /usr/share/cuda-samples/Common)

if(NOT CUDA_SAMPLES_INCLUDE AND MIXMAS_FETCH_CUDA_SAMPLES)
  if(NOT CUDA_SAMPLES_COMMIT MATCHES "^[0-9a-f]+$")
    message(FATAL_ERROR "CUDA_SAMPLES_COMMIT must be the full hash of a commit, and is '${CUDA_SAMPLES_COMMIT}'")
  endif()
  include(FetchContent)
  # One commit without its history. If the server can omit files that are not requested, only Common/ is fetched.
  FetchContent_Declare(cuda_samples
    DOWNLOAD_COMMAND ${CMAKE_COMMAND} -DSOURCE=${CUDA_SAMPLES_SOURCE} -DCOMMIT=${CUDA_SAMPLES_COMMIT}
      -DTARGET=<SOURCE_DIR> -P ${CMAKE_CURRENT_LIST_DIR}/fetch_samples.cmake
    SOURCE_SUBDIR Common)  # which has no CMakeLists.txt: nothing of it is built
  FetchContent_MakeAvailable(cuda_samples)
  find_path(CUDA_SAMPLES_INCLUDE helper_cuda.h NO_DEFAULT_PATH PATHS "${cuda_samples_SOURCE_DIR}/Common" REQUIRED)
endif()
message(STATUS "cuda-samples: ${CUDA_SAMPLES_INCLUDE}")
