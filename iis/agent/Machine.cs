namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Security.AccessControl;
    using System.Security.Principal;
    using System.ServiceProcess;
    using Microsoft.Win32;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// The server itself: what it is, its disk, its services, its event log.
    static class Machine
    {
        const string rebootKey = @"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending";
        const string updateKey = @"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired";

        public static object Hello(Request request)
        {
            var account = WindowsIdentity.GetCurrent();
            var services = new Json();
            foreach (var name in new[] { "WAS", "W3SVC" }) services[name] = Service(name);
            return new Json
            {
                { "agent", "1" }, { "machine", Environment.MachineName }, { "os", Environment.OSVersion.VersionString },
                { "iis", Value(@"SOFTWARE\Microsoft\InetStp", "VersionString") },
                { "powershell", Value(@"SOFTWARE\Microsoft\PowerShell\3\PowerShellEngine", "PowerShellVersion") },
                { "language_mode", "FullLanguage" }, // otherwise this code would not run
                { "elevated", new WindowsPrincipal(account).IsInRole(WindowsBuiltInRole.Administrator) }, { "account", account.Name },
                { "clock", Text.Time(DateTime.UtcNow) }, { "disk_free", DiskFree(request.Root) }, { "services", services },
                { "pending_reboot", Exists(rebootKey) || Exists(updateKey) },
            };
        }

        public static object Flush(Request request)
        {
            var start = new ProcessStartInfo("netsh.exe", "http flush logbuffer")
            {
                UseShellExecute = false, CreateNoWindow = true, // with streams of its own: ours carry the frames
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            using (var netsh = Process.Start(start))
            {
                netsh.StandardInput.Close();
                netsh.OutputDataReceived += delegate { };
                netsh.BeginOutputReadLine();
                if (!netsh.WaitForExit(30000)) throw new Refused("busy", "netsh http flush logbuffer did not end in 30 s");
                if (netsh.ExitCode != 0) throw new Refused("internal", "netsh http flush logbuffer ended with " + netsh.ExitCode);
            }
            return new Json();
        }

        /// Free bytes on the disk of a folder; 0 where that cannot be told, as on a share.
        public static long DiskFree(string folder)
        {
            try { return new DriveInfo(Path.GetPathRoot(Path.GetFullPath(folder))).AvailableFreeSpace; }
            catch (ArgumentException) { return 0; }
            catch (IOException) { return 0; }
        }

        /// The last thing that WAS said about a pool since a time; null when it said nothing.
        public static string PoolEvent(string pool, DateTime since)
        {
            try
            {
                using (var log = new EventLog("System"))
                    for (var i = log.Entries.Count - 1; i >= 0 && log.Entries[i].TimeGenerated >= since.AddSeconds(-1); i--)
                    {
                        var entry = log.Entries[i];
                        if (entry.Source.Contains("WAS") && entry.Message.Contains(pool))
                            return entry.Message.Trim() + " (event " + (entry.InstanceId & 0xFFFF) + ")";
                    }
            }
            catch (Exception e)
            {
                // The event log only explains; that it cannot be read must not hide what it would have explained.
                return "the pool stopped by itself, and the event log cannot be read: " + e.Message;
            }
            return null;
        }

        static string Service(string name)
        {
            try
            {
                using (var service = new ServiceController(name)) return service.Status.ToString().ToLowerInvariant();
            }
            catch (InvalidOperationException) { return "absent"; }
        }

        static string Value(string key, string name)
        {
            using (var found = Registry.LocalMachine.OpenSubKey(key))
                return found == null ? "" : Convert.ToString(found.GetValue(name));
        }

        static bool Exists(string key)
        {
            using (var found = Registry.LocalMachine.OpenSubKey(key)) return found != null;
        }
    }

    /// %ProgramData%\iis-canary\<app>, which only administrators and the system may read.
    public static class Data
    {
        public static string Home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "iis-canary");

        public static string Folder(string app, string kind)
        {
            if (app.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || app.Trim('.', ' ').Length == 0)
                throw new Refused("bad_request", "app " + app + " is no name of a folder");
            if (!Directory.Exists(Home)) Protect(Directory.CreateDirectory(Home));
            return Directory.CreateDirectory(Path.Combine(Path.Combine(Home, app), kind)).FullName;
        }

        static void Protect(DirectoryInfo folder)
        {
            if (Environment.OSVersion.Platform != PlatformID.Win32NT) return;
            var rules = new DirectorySecurity();
            rules.SetAccessRuleProtection(true, false);
            foreach (var who in new[] { WellKnownSidType.BuiltinAdministratorsSid, WellKnownSidType.LocalSystemSid })
                rules.AddAccessRule(new FileSystemAccessRule(new SecurityIdentifier(who, null), FileSystemRights.FullControl,
                    InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit, PropagationFlags.None, AccessControlType.Allow));
            folder.SetAccessControl(rules);
        }

        /// Opens a file that nobody else may open meanwhile; waits up to 30 s for it.
        public static FileStream Exclusive(string path)
        {
            for (var left = 300; ; left--)
            {
                try { return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); }
                catch (IOException)
                {
                    if (left == 0) throw;
                    System.Threading.Thread.Sleep(100);
                }
            }
        }
    }
}
