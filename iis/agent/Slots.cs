namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.ComponentModel;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Text.RegularExpressions;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// What slots there are and what state they are in. Reading never throws because of a state.
    static class Slots
    {
        public static Regex Family(string app) { return new Regex("^" + Regex.Escape(app) + "-[A-Za-z0-9.]+$"); }

        public static object Survey(Request request)
        {
            var family = Family(request.App);
            var slots = new List<Json>();
            using (var iis = new ServerManager())
            {
                foreach (var site in iis.Sites.Where(s => family.IsMatch(s.Name))) slots.Add(Describe(iis, site));
            }
            var known = new HashSet<string>(slots.Select(s => (string)s["name"]), StringComparer.OrdinalIgnoreCase);
            foreach (var folder in Folders(request.Root, family))
                if (!known.Contains(Path.GetFileName(folder))) slots.Add(Orphan(folder));
            var survey = new Json
            {
                { "clock", Text.Time(DateTime.UtcNow) }, { "disk_free", Machine.DiskFree(request.Root) },
                { "slots", slots.OrderBy(s => (string)s["name"], StringComparer.Ordinal).ToList() },
                { "lease", Leases.CurrentOrNone(request.App) }, { "runs", Notes.Runs(request.App) },
            };
            var bindings = request.Texts("bindings");
            if (bindings.Count == 0) return survey;
            survey["listeners"] = Listeners.On(bindings);
            survey["certificates"] = Certificates.Compare(request.App, bindings);
            survey["legacy"] = Certificates.Legacy();
            return survey;
        }

        public static IEnumerable<string> Folders(string root, Regex family)
        {
            if (!Directory.Exists(root)) return new string[0];
            return Directory.GetDirectories(root).Where(f =>
                family.IsMatch(Path.GetFileName(f)) && !f.EndsWith(".partial", StringComparison.OrdinalIgnoreCase));
        }

        public static object Requests(Request request)
        {
            using (var iis = new ServerManager())
            {
                var pool = Pool(iis, Find(iis, request.Slot));
                return new Json { { "current", pool == null ? 0 : Load.Requests(Iis.Workers(pool), pool.Name) } };
            }
        }

        public static Site Find(ServerManager iis, string name)
        {
            var site = iis.Sites[name];
            if (site == null) throw new Refused("not_found", "there is no site " + name);
            return site;
        }

        public static ApplicationPool Pool(ServerManager iis, Site site)
        {
            var name = Iis.PoolOf(site);
            return name == null ? null : iis.ApplicationPools[name];
        }

        /// One slot now, from a fresh snapshot; null when there is no such site.
        public static Json Describe(string name)
        {
            using (var iis = new ServerManager())
            {
                var site = iis.Sites[name];
                return site == null ? null : Describe(iis, site);
            }
        }

        static Json Describe(ServerManager iis, Site site)
        {
            var pool = Pool(iis, site);
            var workers = Iis.Workers(pool);
            var path = Iis.PathOf(site);
            var slot = new Json
            {
                { "name", site.Name }, { "id", site.Id }, { "site", Iis.State(site) },
                { "pool", pool == null ? "absent" : Iis.State(pool) },
                { "site_boot", site.ServerAutoStart }, { "pool_boot", pool != null && pool.AutoStart }, { "path", path },
                { "bindings", site.Bindings.Select(b => b.BindingInformation).ToList() },
                { "workers", workers.Select(w => new Json { { "pid", w.ProcessId }, { "started", Started(w.ProcessId) } }).ToList() },
                { "certificate", Certificates.Of(site) },
            };
            Manifest.Describe(path, slot);
            return slot;
        }

        static Json Orphan(string folder)
        {
            var slot = new Json
            {
                { "name", Path.GetFileName(folder) }, { "id", 0 }, { "site", "absent" }, { "pool", "absent" },
                { "site_boot", false }, { "pool_boot", false }, { "path", folder }, { "bindings", new string[0] },
                { "workers", new Json[0] }, { "certificate", "" },
            };
            Manifest.Describe(folder, slot);
            return slot;
        }

        static string Started(int pid)
        {
            try { return Text.Time(Process.GetProcessById(pid).StartTime); }
            catch (ArgumentException) { return Text.Time(DateTime.UtcNow); } // it has just ended
            catch (InvalidOperationException) { return Text.Time(DateTime.UtcNow); }
            catch (Win32Exception) { return Text.Time(DateTime.UtcNow); }
        }
    }
}
