$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
$stdout = [Console]::OpenStandardOutput()
$iis = "$env:windir\System32\inetsrv\Microsoft.Web.Administration.dll"
try {
    $parts = (-join @($input)).Split('.')
    if ($parts.Length -ne 3) { exit 3 }
    $source = [Convert]::FromBase64String($parts[0])
    $hash = [BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($source)).Replace('-', '')
    if ($hash -ne '@SHA256@') { throw "agent source has SHA-256 $hash" }
    if (!(Test-Path $iis)) { throw "IIS is not installed: no $iis" }
    Add-Type -IgnoreWarnings -TypeDefinition ([Text.Encoding]::UTF8.GetString($source)) -ReferencedAssemblies $iis, 'System.Core', 'System.Web.Extensions', 'System.ServiceProcess', 'System.Management', 'System.IO.Compression'
    $frames = New-Object IO.MemoryStream @(, [Convert]::FromBase64String($parts[1]))
    exit [IisCanary.Agent]::Run($frames, $stdout)
}
catch {
    $body = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -Compress @{ fatal = "$_"; language = "$($ExecutionContext.SessionState.LanguageMode)"; version = "$($PSVersionTable.PSVersion)"; iis = (Test-Path $iis) }))
    [byte[]]$frame = [Text.Encoding]::ASCII.GetBytes('ICF1') + [BitConverter]::GetBytes([int]$body.Length) + [BitConverter]::GetBytes([int]0) + $body
    $stdout.Write($frame, 0, $frame.Length); $stdout.Flush()
    exit 4
}
