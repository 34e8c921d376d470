# Completion of mixmas for fish: mixmas completion fish > ~/.config/fish/completions/mixmas.fish

function __mixmas_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l unquoted (string unescape -- $current); or set unquoted $current # the others have no quotes already
    set -l answer ($words[1] __complete $words[2..-1] "$unquoted" 2>/dev/null)
    set -l files $answer[1]
    printf '%s\n' $answer[2..-1]
    if test "$files" != none
        # The value of --flag=value starts behind the sign.
        set -l head (string match -r -- '^--[^=]*=' $current)
        set -l rest (string replace -r -- '^--[^=]*=' '' $current)
        if test "$files" = folders
            printf "$head%s\n" (__fish_complete_directories $rest '')
        else
            printf "$head%s\n" (complete -C "'' $rest")
        end
    end
end

complete -c mixmas -f -a '(__mixmas_complete)'
