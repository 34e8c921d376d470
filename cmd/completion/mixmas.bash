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
    local current=${words[${#words[@]}-1]}
    # What readline keeps is what stands before the last of these characters.
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
        COMPREPLY+=("$(printf %q "${line#"$kept"}")")
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    case $files in
    files) compopt -o default 2>/dev/null || _mixmas_names -f "${current#"$kept"}" ;;
    folders) compopt -o dirnames 2>/dev/null || _mixmas_names -d "${current#"$kept"}" ;;
    esac
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Bash 3 cannot complete files beside words by itself.
_mixmas_names() {
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$(printf %q "$name")")
    done < <(compgen "$1" -- "$2")
}

complete -F _mixmas mixmas
