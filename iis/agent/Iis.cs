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

        /// Right after a create, or while WAS is down, State throws: that is "unknown", never "stopped".
        public static string State(Func<ObjectState> read)
        {
            try { return read().ToString().ToLowerInvariant(); }
            catch (COMException) { return "unknown"; }
            catch (UnauthorizedAccessException) { return "unknown"; } // WAS is stopped
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

        public static List<WorkerProcess> Workers(ApplicationPool pool)
        {
            if (pool == null) return new List<WorkerProcess>();
            try { return pool.WorkerProcesses.ToList(); }
            catch (COMException) { return new List<WorkerProcess>(); }
            catch (UnauthorizedAccessException) { return new List<WorkerProcess>(); }
        }

        /// Applies a change to a fresh snapshot and commits it; when somebody else has committed in between, again.
        public static void Commit(Action<ServerManager> change)
        {
            var random = new Random();
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
                    var code = Marshal.GetHRForException(e);
                    var faster = e is FileLoadException || code == Codes.SharingViolation || code == Codes.FileChanged;
                    if (!faster || left <= 1) throw;
                }
                Thread.Sleep(random.Next(500, 3000));
            }
        }

        /// Asks again every 100 ms until the answer is not null, for at most the given time.
        public static T Until<T>(TimeSpan limit, Func<T> ask) where T : class
        {
            var clock = Stopwatch.StartNew();
            for (; ; Thread.Sleep(100))
            {
                var answer = ask();
                if (answer != null || clock.Elapsed > limit) return answer;
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
