namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.ComponentModel;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// How much the workers have to do. What cannot be told is -1, which is not nought.
    static class Load
    {
        const int unknown = -1;

        /// Every slot that has a worker.
        public static object Read(Request request)
        {
            var family = Slots.Family(request.App);
            var loads = new List<Json>();
            using (var iis = new ServerManager())
                foreach (var site in iis.Sites.Where(s => family.IsMatch(s.Name)).OrderBy(s => s.Name, StringComparer.Ordinal))
                {
                    var pool = Slots.Pool(iis, site);
                    var workers = Iis.Workers(pool);
                    if (workers.Count == 0) continue;
                    loads.Add(new Json
                    {
                        { "slot", site.Name }, { "requests", Requests(workers, pool.Name) },
                        { "queue", Counter("HTTP Service Request Queues", "CurrentQueueSize", pool.Name) },
                        { "connections", Counter("Web Service", "Current Connections", site.Name) },
                    });
                }
            return new Json { { "slots", loads } };
        }

        /// Requests that workers are busy with. Without the Request Monitor feature IIS does not tell; its counters do.
        public static int Requests(List<WorkerProcess> workers, string pool)
        {
            try { return workers.Sum(w => w.GetRequests(0).Count); }
            catch (COMException) { }
            catch (NotImplementedException) { }
            catch (IOException) { } // the worker has just gone, or the feature is not there: the runtime has types for that
            catch (UnauthorizedAccessException) { }
            catch (ArgumentException) { }
            catch (NullReferenceException) { }
            var all = workers.Select(w => Counter("W3SVC_W3WP", "Active Requests", w.ProcessId + "_" + pool)).ToList();
            return all.Contains(unknown) ? unknown : all.Sum();
        }

        static int Counter(string category, string name, string instance)
        {
            try
            {
                using (var counter = new PerformanceCounter(category, name, instance, true)) return (int)counter.NextValue();
            }
            catch (InvalidOperationException) { return unknown; } // no such category or instance
            catch (Win32Exception) { return unknown; }
            catch (UnauthorizedAccessException) { return unknown; }
        }
    }
}
