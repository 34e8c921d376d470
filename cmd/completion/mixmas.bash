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
    # The program gets words without quotes; readline completes what it will quote by itself where a quote is open.
    local quote=""
    for i in "${!words[@]}"; do
        _mixmas_unquote "${words[i]}"
        words[i]=$_mixmas_word
    done
    local current=${words[${#words[@]}-1]}
    # What readline keeps is what stands before the last of these characters, unless they are quoted.
    local kept=""
    [[ $COMP_WORDBREAKS == *[=:]* && $current == *[=:]* ]] && kept=${current%"${current##*[=:]}"}

    COMPREPLY=()
    local files="" line
    while IFS= read -r line; do
        if [[ -z $files ]]; then
            files=$line
            continue
        fi
        line=${line%%$'\t'*}
        line=${line#"$kept"}
        [[ -z $quote ]] && line=$(printf %q "$line")
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    case $files in
    files) compopt -o default 2>/dev/null || _mixmas_names -f "${current#"$kept"}" ;;
    folders) compopt -o dirnames 2>/dev/null || _mixmas_names -d "${current#"$kept"}" ;;
    esac
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Sets _mixmas_word to a word without its quotes, as the shell would read it but for variables, and quote to a quote that is open.
_mixmas_unquote() {
    local text=$1 c
    _mixmas_word="" quote=""
    while [[ -n $text ]]; do
        c=${text:0:1} text=${text:1}
        case $quote$c in
        \'\' | \"\") quote="" ;;
        \' | \") quote=$c ;;
        \\ | \"\\)
            if [[ -z $quote || ${text:0:1} == [\"\\\$\`] ]]; then
                c=${text:0:1} text=${text:1}
            fi
            _mixmas_word+=$c
            ;;
        *) _mixmas_word+=$c ;;
        esac
    done
}

# Bash 3 cannot complete files beside words by itself.
_mixmas_names() {
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$(printf %q "$name")")
    done < <(compgen "$1" -- "$2")
}

complete -F _mixmas mixmas
