namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.ComponentModel;
    using System.Diagnostics;
    using System.Linq;
    using System.Management;
    using System.Runtime.InteropServices;

    /// Processes by id and start time: an id alone may be another process' by now.
    sealed class Processes
    {
        /// The compiler that ASP.NET starts outlives its worker for minutes and has nothing of the application.
        static readonly string[] strangers = { "VBCSCompiler.exe", "conhost.exe", "WerFault.exe" };

        public sealed class Member
        {
            public int Id;
            public DateTime Started;
            public string Image;
            public bool Worker, Own; // own: it runs the slot's code
            public override string ToString() { return Image + " (" + Id + ")"; }
        }

        readonly Dictionary<int, Member> known = new Dictionary<int, Member>();

        /// Why the children could not be found out; null: they were.
        public string Hindrance { get; private set; }

        /// The workers with these ids, and what they have started. What runs from the folder is the slot's own.
        public static Processes Of(IEnumerable<int> ids, string folder)
        {
            var all = new Processes();
            foreach (var id in ids) all.known[id] = new Member { Id = id, Started = StartTime(id) ?? DateTime.MinValue, Image = "w3wp.exe", Worker = true, Own = true };
            if (all.known.Count > 0) all.AddChildren(Environment.ExpandEnvironmentVariables(folder).TrimEnd('\\') + "\\"); // held by 10-worker-has-started-a-program
            return all;
        }

        public List<Member> Alive { get { return known.Values.Where(p => StartTime(p.Id) == p.Started).ToList(); } }

        public static string Named(IEnumerable<Member> all) { return string.Join(", ", all.Select(p => p.ToString()).ToArray()); }

        public static DateTime? StartTime(int id)
        {
            try { return Process.GetProcessById(id).StartTime; }
            catch (ArgumentException) { return null; }
            catch (InvalidOperationException) { return null; }
            catch (Win32Exception) { return null; }
        }

        /// What these processes have started, and what that has, as the application of its own that an out-of-process site has. A
        /// child is younger than its parent; else its parent's id was another's when it was started.
        void AddChildren(string folder)
        {
            try
            {
                var parents = new Dictionary<int, int>();
                var members = new Dictionary<int, Member>();
                foreach (var row in Query("SELECT ProcessId, ParentProcessId, Name, ExecutablePath FROM Win32_Process"))
                {
                    var image = (string)row["Name"];
                    if (strangers.Contains(image, StringComparer.OrdinalIgnoreCase)) continue;
                    var id = Convert.ToInt32(row["ProcessId"]);
                    var path = row["ExecutablePath"] as string ?? "";
                    parents[id] = Convert.ToInt32(row["ParentProcessId"]);
                    var own = string.Equals(image, "dotnet.exe", StringComparison.OrdinalIgnoreCase) || path.StartsWith(folder, StringComparison.OrdinalIgnoreCase);
                    members[id] = new Member { Id = id, Image = image, Own = own };
                }
                for (var grown = true; grown; )
                {
                    grown = false;
                    foreach (var child in parents.Where(p => known.ContainsKey(p.Value) && !known.ContainsKey(p.Key)).ToList())
                    {
                        var started = StartTime(child.Key);
                        parents.Remove(child.Key);
                        if (started == null || started < known[child.Value].Started) continue;
                        members[child.Key].Started = started.Value;
                        known[child.Key] = members[child.Key];
                        grown = true;
                    }
                }
            }
            catch (ManagementException e) { Hindrance = e.Message; }
            catch (COMException e) { Hindrance = e.Message; }
            catch (UnauthorizedAccessException e) { Hindrance = e.Message; }
        }

        /// The rows of a question to Windows Management Instrumentation.
        public static List<ManagementBaseObject> Query(string question)
        {
            using (var searcher = new ManagementObjectSearcher(question))
            {
                searcher.Options.Timeout = TimeSpan.FromSeconds(20);
                using (var rows = searcher.Get()) return rows.Cast<ManagementBaseObject>().ToList();
            }
        }
    }
}
