# Completion of mixmas for PowerShell. In $PROFILE: mixmas completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName mixmas -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @()
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.StartOffset -ge $cursorPosition) { break }
        if ($element.Extent.EndOffset -gt $cursorPosition) {
            $words += $element.Extent.Text.Substring(0, $cursorPosition - $element.Extent.StartOffset) # the cursor is within it
        } elseif ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $words += $element.Value # without its quotes
        } else {
            $words += $element.Extent.Text
        }
    }
    if ($wordToComplete -eq '') {
        $words += '""' # an empty word, which older versions drop unless it is quoted
    }
    $program = $commandAst.CommandElements[0].Value
    $answer = @(& $program __complete @words 2>$null)
    # Without an answer PowerShell completes files by itself.
    $answer | Select-Object -Skip 1 | ForEach-Object {
        $word, $description = $_ -split "`t", 2
        if (-not $description) { $description = $word }
        $text = $word
        if ($word -match '[^\w./:=*-]') { $text = "'" + $word.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $description)
    }
}
