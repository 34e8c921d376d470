#compdef mixmas
# Completion of mixmas for zsh. In ~/.zshrc, after compinit: source <(mixmas completion zsh)

_mixmas() {
    local -a answer described
    # PREFIX is the word at the cursor without a quote that is open.
    answer=("${(@f)$("${words[1]}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    local files=${answer[1]} line word
    for line in "${(@)answer[2,-1]}"; do
        [[ -z $line ]] && continue
        word=${line%%$'\t'*}
        if [[ $line == *$'\t'* ]]; then
            described+=("${word//:/\\:}:${line#*$'\t'}")
        else
            described+=("${word//:/\\:}")
        fi
    done
    (( ${#described} )) && _describe -V mixmas described
    if [[ $files != none && $PREFIX == --*=* ]]; then
        compset -P 1 '--*='
    fi
    case $files in
    files) _files ;;
    folders) _files -/ ;;
    esac
}

if [[ $funcstack[1] == _mixmas ]]; then
    _mixmas "$@"
else
    compdef _mixmas mixmas
fi
