# Completion of mixmas for bash. In ~/.bashrc: eval "$(mixmas completion bash)"

_mixmas() {
    # Bash splits words at = and :, the program does not: put them together again.
    local -a words=()
    local word="" glue="" i
    for ((i = 1; i <= COMP_CWORD; i++)); do
        local part=${COMP_WORDS[i]}
        if [[ -n $glue || ( $i -gt 1 && $part == [=:]* ) ]]; then
            words[${#words[@]}-1]+=$part
        else
            words+=("$part")
        fi
        glue=""
        [[ $part == [=:] ]] && glue=1
    done
    # The program gets words without quotes. What readline keeps of the last one is what stands before the last of the characters at
    # which it breaks words, or before a quote that is open.
    local quote="" kept=""
    for i in "${!words[@]}"; do
        _mixmas_unquote "${words[i]}"
        words[i]=$_mixmas_word
    done
    local current=${words[${#words[@]}-1]}
    local value=${current#--*=} begun=${current#"$kept"}

    COMPREPLY=()
    local files="" line
    while IFS= read -r line; do
        if [[ -z $files ]]; then
            files=$line
            continue
        fi
        _mixmas_add "${line%%$'\t'*}"
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    local readline="" compgen=""
    case $files in
    files) readline=default compgen=-f ;;
    folders) readline=dirnames compgen=-d ;;
    esac
    # Readline completes files by itself, and quotes them, unless a part of the name is kept. Bash 3 cannot do that beside words.
    if [[ -n $readline ]] && { [[ $value != "$begun" ]] || ! compopt -o $readline 2>/dev/null; }; then
        while IFS= read -r line; do
            [[ -d $line ]] && line+=/
            _mixmas_add "${current%"$value"}$line"
        done < <(compgen $compgen -- "$value")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Adds a word without what is kept of it.
_mixmas_add() {
    local rest=${1#"$kept"}
    [[ -z $quote ]] && rest=$(printf %q "$rest")
    COMPREPLY+=("$rest")
}

# Sets _mixmas_word to a word without its quotes, as the shell would read it but for variables, quote to a quote that is open, and kept
# to the beginning that readline keeps.
_mixmas_unquote() {
    local text=$1 c outside=""
    _mixmas_word="" quote="" kept=""
    while [[ -n $text ]]; do
        c=${text:0:1} text=${text:1}
        case $quote$c in
        \'\' | \"\") quote="" kept=$outside ;;
        \' | \") quote=$c outside=$kept kept=$_mixmas_word ;;
        \\ | \"\\)
            if [[ -z $quote || ${text:0:1} == [\"\\\$\`] ]]; then
                c=${text:0:1} text=${text:1}
            fi
            _mixmas_word+=$c
            ;;
        *)
            _mixmas_word+=$c
            [[ -z $quote && $c == [=:] && $COMP_WORDBREAKS == *$c* ]] && kept=$_mixmas_word
            ;;
        esac
    done
}

complete -F _mixmas mixmas
