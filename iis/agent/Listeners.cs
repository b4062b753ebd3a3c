namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.Linq;
    using System.Management;
    using System.Runtime.InteropServices;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Who listens on the ports of bindings. Whatever http.sys has is the system's, process 4.
    static class Listeners
    {
        const int system = 4;

        /// Empty where that cannot be found out. A program that listens by IPv4, too, is told once.
        public static List<Json> On(IEnumerable<string> bindings)
        {
            var ports = new HashSet<string>(bindings.Select(PortOf));
            var found = new List<Json>();
            foreach (var kind in new[] { "TCP", "TCPv6" })
            {
                try { Take(Programs.Run("netstat.exe", "-ano -p " + kind), ports, found); }
                catch (Refused) { return found; }
            }
            return found;
        }

        /// The port of address:port:host, where the address may have colons, too.
        public static string PortOf(string binding)
        {
            var parts = binding.Split(':');
            return parts[parts.Length - 2];
        }

        static void Take(string said, HashSet<string> ports, List<Json> found)
        {
            foreach (var line in said.Split('\n'))
            {
                var words = line.Split(new[] { ' ', '\r' }, StringSplitOptions.RemoveEmptyEntries); // protocol, local, remote, state in the system's language, process
                if (words.Length != 5 || !words[2].EndsWith(":0")) continue;
                var at = words[1].LastIndexOf(':');
                var address = words[1].Substring(0, at);
                var port = words[1].Substring(at + 1);
                var pid = int.Parse(words[4]);
                if (!ports.Contains(port) || address.StartsWith("[") && found.Any(l => (int)l["pid"] == pid && (int)l["port"] == int.Parse(port))) continue;
                found.Add(new Json { { "address", address }, { "port", int.Parse(port) }, { "pid", pid }, { "image", Image(pid) }, { "service", Service(pid) } });
            }
        }

        /// The program that is not http.sys and has a port of the slot, in words; empty where there is none, or nobody can say.
        public static string Foreign(IEnumerable<string> bindings)
        {
            var other = On(bindings).FirstOrDefault(l => (int)l["pid"] != system && (string)l["image"] != "");
            if (other == null) return "";
            var service = (string)other["service"];
            return ": " + other["image"] + ", process " + other["pid"] + (service == "" ? "" : ", service " + service);
        }

        static string Image(int pid)
        {
            try
            {
                using (var owner = Process.GetProcessById(pid)) return owner.ProcessName;
            }
            catch (ArgumentException) { return ""; } // it has just ended
            catch (InvalidOperationException) { return ""; }
        }

        static string Service(int pid)
        {
            if (pid == system) return "http";
            try
            {
                return string.Join(", ", Processes.Query("SELECT Name FROM Win32_Service WHERE ProcessId = " + pid).Select(s => (string)s["Name"]).ToArray());
            }
            catch (ManagementException) { return ""; }
            catch (COMException) { return ""; }
            catch (UnauthorizedAccessException) { return ""; }
        }
    }
}
