namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Threading;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// What is particular about Microsoft.Web.Administration: a manager is a snapshot, a state may throw, a commit may
    /// find that somebody else was faster.
    static class Iis
    {
        const int Commits = 8;
        static readonly string[] mutexes = { @"Global\iis-canary", @"Global\Octopus-IIS-Metabase-Mutex" };

        public static string State(Site site) { return Told(() => site.State, "WAS", "W3SVC"); }
        public static string State(ApplicationPool pool) { return Told(() => pool.State, "WAS"); }

        /// Right after a create State throws: that is "unknown". Without its services it says "stopped" whatever there is: that is
        /// believed only if they ran before it and after it, for they may just have come back.
        static string Told(Func<ObjectState> read, params string[] services)
        {
            var ran = services.All(Machine.Runs);
            try
            {
                var state = read().ToString().ToLowerInvariant();
                return state == "stopped" && !(ran && services.All(Machine.Runs)) ? "unknown" : state;
            }
            catch (COMException) { return "unknown"; }
            catch (IOException) { return "unknown"; }
            catch (UnauthorizedAccessException) { return "unknown"; }
        }

        public static string PoolOf(Site site)
        {
            var root = site.Applications["/"];
            return root == null ? null : root.ApplicationPoolName;
        }

        public static string PathOf(Site site)
        {
            var root = site.Applications["/"];
            var folder = root == null ? null : root.VirtualDirectories["/"];
            return folder == null ? "" : Environment.ExpandEnvironmentVariables(folder.PhysicalPath);
        }

        /// Bindings of other protocols, such as net.pipe's *, have no address and port.
        public static IEnumerable<string> Addresses(Site site)
        {
            return site.Bindings.Where(b => b.Protocol == "http" || b.Protocol == "https").Select(b => b.BindingInformation);
        }

        public static List<WorkerProcess> Workers(ApplicationPool pool)
        {
            if (pool == null) return new List<WorkerProcess>();
            try { return pool.WorkerProcesses.ToList(); }
            catch (COMException) { return new List<WorkerProcess>(); }
            catch (IOException) { return new List<WorkerProcess>(); }
            catch (UnauthorizedAccessException) { return new List<WorkerProcess>(); }
        }

        /// Applies a change to a fresh snapshot and commits it; when somebody else has committed in between, again.
        public static void Commit(Action<ServerManager> change)
        {
            for (var left = Commits; ; left--)
            {
                try
                {
                    using (new Locks(mutexes, TimeSpan.FromSeconds(120)))
                    using (var iis = new ServerManager())
                    {
                        change(iis);
                        iis.CommitChanges();
                        return;
                    }
                }
                catch (Exception e)
                {
                    if (e is Refused) throw;
                    var rule = Rule.Of("commit", Rule.CodeOf(e));
                    if (rule.Reaction == Reaction.GiveUp || left <= 1) throw Name(rule, e);
                }
                Thread.Sleep(Jitter()); // held by 01-config-locked
            }
        }

        /// Two programs that failed on each other must not meet again at once.
        static int Jitter() { return new Random().Next(500, 3000); }

        static Refused Name(Rule rule, Exception e)
        {
            var refused = rule.Refusal(e.GetType().Name + ": " + e.Message + (rule.Class == "busy" ? History.Last() : ""));
            refused.Step = "commit";
            return refused;
        }

        /// Asks again every 100 ms until the answer is not null, for at most the given time.
        public static T Until<T>(TimeSpan limit, Func<T> ask) where T : class
        {
            var clock = Stopwatch.StartNew();
            for (; ; )
            {
                var answer = ask();
                if (answer != null || clock.Elapsed > limit) return answer;
                Thread.Sleep(100); // held by a7-no-hurry
            }
        }
    }

    /// Named mutexes of the machine, always taken in the same order. They free themselves when their owner dies.
    sealed class Locks : IDisposable
    {
        readonly List<Mutex> held = new List<Mutex>();

        public Locks(string[] names, TimeSpan limit)
        {
            try
            {
                foreach (var name in names) Take(name, limit);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        void Take(string name, TimeSpan limit)
        {
            Mutex mutex;
            try { mutex = new Mutex(false, name); }
            catch (UnauthorizedAccessException) { return; } // another account's, which we cannot wait for
            bool got;
            try { got = mutex.WaitOne(limit); }
            catch (AbandonedMutexException) { got = true; }
            if (!got)
            {
                mutex.Dispose();
                throw new Refused("busy", "another program changes the configuration of IIS") { Hint = "it holds the mutex " + name };
            }
            held.Add(mutex);
        }

        public void Dispose()
        {
            for (var i = held.Count - 1; i >= 0; i--)
            {
                held[i].ReleaseMutex();
                held[i].Dispose();
            }
            held.Clear();
        }
    }
}
