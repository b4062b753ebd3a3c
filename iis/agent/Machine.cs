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
    using System.Threading;
    using Microsoft.Web.Administration;
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
            var starts = new Json();
            foreach (var name in new[] { "WAS", "W3SVC" })
            {
                services[name] = Service(name);
                starts[name] = StartType(name);
            }
            return new Json
            {
                { "agent", "1" }, { "machine", Environment.MachineName }, { "os", Environment.OSVersion.VersionString },
                { "iis", Value(@"SOFTWARE\Microsoft\InetStp", "VersionString") },
                { "powershell", Value(@"SOFTWARE\Microsoft\PowerShell\3\PowerShellEngine", "PowerShellVersion") },
                { "language_mode", "FullLanguage" }, // otherwise this code would not run
                { "bits", Environment.Is64BitProcess ? 64 : 32 }, { "os_bits", Environment.Is64BitOperatingSystem ? 64 : 32 },
                { "elevated", new WindowsPrincipal(account).IsInRole(WindowsBuiltInRole.Administrator) }, { "account", account.Name },
                { "clock", Text.Time(DateTime.UtcNow) }, { "disk_free", DiskFree(request.Root) }, { "services", services }, { "start_types", starts },
                { "pending_reboot", Exists(rebootKey) || Exists(updateKey) }, { "shared_config", SharedConfiguration() },
                { "framework", Number(@"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full", "Release") }, { "modules", Modules() }, { "runtimes", Runtimes() },
            };
        }

        /// Optional parts of IIS, by their files: what a feature is called differs, and asking for features is slow.
        static Json Modules()
        {
            var inetsrv = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.System), "inetsrv");
            var programs = Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles);
            return new Json
            {
                { "app_init", File.Exists(Path.Combine(inetsrv, "warmup.dll")) }, { "request_monitor", File.Exists(Path.Combine(inetsrv, "iisreqs.dll")) },
                { "rewrite", File.Exists(Path.Combine(inetsrv, "rewrite.dll")) }, { "websockets", File.Exists(Path.Combine(inetsrv, "iiswsock.dll")) },
                { "ancm", File.Exists(Path.Combine(programs, @"IIS\Asp.Net Core Module\V2\aspnetcorev2.dll")) },
            };
        }

        /// Versions of the shared runtime of ASP.NET Core.
        static List<string> Runtimes()
        {
            var folder = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), @"dotnet\shared\Microsoft.AspNetCore.App");
            return Directory.Exists(folder) ? Directory.GetDirectories(folder).Select(Path.GetFileName).OrderBy(v => v, StringComparer.Ordinal).ToList() : new List<string>();
        }

        /// With a shared configuration a site that is made here appears on every server that shares it. Null where that cannot be read.
        static object SharedConfiguration()
        {
            try
            {
                using (var iis = new ServerManager())
                    return true.Equals(iis.GetRedirectionConfiguration().GetSection("configurationRedirection").GetAttributeValue("enabled"));
            }
            catch (UnauthorizedAccessException) { return null; }
            catch (IOException) { return null; }
            catch (System.Runtime.InteropServices.COMException) { return null; }
        }

        /// All states are unknown while the services are stopped: that is then the thing to say.
        public static void RefuseStoppedServices(string step)
        {
            foreach (var name in new[] { "WAS", "W3SVC" })
            {
                if (Service(name) != "stopped") continue;
                if (StartType(name) == "disabled")
                    throw new Refused("iis_stopped", "the service " + name + " is disabled") { Step = step, Hint = "set its start type to automatic, then: net start w3svc" };
                throw new Refused("iis_stopped", "the service " + name + " is stopped") { Step = step, Hint = "start it with: net start w3svc" };
            }
        }

        /// The program that listens on a port of the slot, in words; empty where that cannot be found out.
        public static string Listener(string slot)
        {
            using (var iis = new ServerManager()) return Listeners.Foreign(Iis.Addresses(Slots.Find(iis, slot)));
        }

        public static object Flush(Request request)
        {
            Programs.Run("netsh.exe", "http flush logbuffer");
            return new Json();
        }

        /// Free bytes on the disk of a folder; 0 where there is no such disk, -1 where that cannot be told, as on a share.
        public static long DiskFree(string folder)
        {
            try { return new DriveInfo(Path.GetPathRoot(Path.GetFullPath(folder))).AvailableFreeSpace; }
            catch (DriveNotFoundException) { return 0; }
            catch (ArgumentException) { return -1; }
            catch (IOException) { return -1; }
        }

        /// The last thing that WAS said about a pool since a time; null when it said nothing, or when the log cannot be read: why not is
        /// the hindrance then.
        public static string PoolEvent(string pool, DateTime since, out string hindrance)
        {
            hindrance = null;
            try
            {
                var named = new Events.Known(pool);
                using (var log = new EventLog("System"))
                    for (var i = log.Entries.Count - 1; i >= 0 && log.Entries[i].TimeGenerated >= since.AddSeconds(-1); i--)
                    {
                        var entry = log.Entries[i];
                        if (entry.Source.Contains("WAS") && named.In(entry.Message))
                            return entry.Message.Trim() + " (WAS event " + (entry.InstanceId & 0xFFFF) + ")";
                    }
            }
            catch (Exception e) // the event log only explains: that it cannot be read must not hide what it would have explained
            {
                hindrance = e.Message;
            }
            return null;
        }

        public static bool Runs(string service) { return Service(service) == "running"; }

        static string Service(string name)
        {
            try
            {
                using (var service = new ServiceController(name)) return service.Status.ToString().ToLowerInvariant();
            }
            catch (InvalidOperationException) { return "absent"; }
        }

        static string StartType(string name)
        {
            switch (Number(@"SYSTEM\CurrentControlSet\Services\" + name, "Start"))
            {
                case 2: return "automatic";
                case 3: return "manual";
                case 4: return "disabled";
                default: return "";
            }
        }

        static int Number(string key, string name)
        {
            using (var found = Registry.LocalMachine.OpenSubKey(key))
                return found == null ? 0 : Convert.ToInt32(found.GetValue(name) ?? 0);
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
    static class Data
    {
        static readonly HashSet<string> secured = new HashSet<string>(); // by this process
        static readonly string Home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "iis-canary");

        public static string Folder(string app, string kind)
        {
            if (app.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || app.Trim('.', ' ').Length == 0)
                throw new Refused("bad_request", "app " + app + " is no name of a folder");
            var folder = Secure(Home);
            foreach (var part in new[] { app, kind }.Where(p => p != "")) folder = Secure(Path.Combine(folder, part));
            return folder;
        }

        /// Anybody may make folders in ProgramData: what was there before gets the owner and the access list of what we make.
        static string Secure(string path)
        {
            var folder = Directory.CreateDirectory(path);
            if ((folder.Attributes & FileAttributes.ReparsePoint) != 0)
                throw new Refused("access_denied", path + " is a junction, and the program writes nowhere else") { Hint = "remove it, and ask who made it" };
            lock (secured)
            {
                if (secured.Contains(path)) return path;
                try { folder.SetAccessControl(Rules()); }
                catch (UnauthorizedAccessException e)
                {
                    throw new Refused("access_denied", path + " cannot be closed to others: " + e.Message) { Hint = "use an elevated account; if it is one, remove the folder" };
                }
                secured.Add(path);
            }
            return path;
        }

        static DirectorySecurity Rules()
        {
            var rules = new DirectorySecurity();
            rules.SetOwner(new SecurityIdentifier(WellKnownSidType.BuiltinAdministratorsSid, null));
            rules.SetAccessRuleProtection(true, false);
            foreach (var who in new[] { WellKnownSidType.BuiltinAdministratorsSid, WellKnownSidType.LocalSystemSid })
                rules.AddAccessRule(new FileSystemAccessRule(new SecurityIdentifier(who, null), FileSystemRights.FullControl,
                    InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit, PropagationFlags.None, AccessControlType.Allow));
            return rules;
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
                    Thread.Sleep(100); // held by 20-files-locked
                }
            }
        }
    }
}
