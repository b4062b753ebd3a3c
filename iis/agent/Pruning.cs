namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Removing slots that nobody needs. What cannot be deleted now is a warning, and is tried again the next time.
    static class Pruning
    {
        public static object Prune(Request request)
        {
            var family = Slots.Family(request.App);
            var keep = new HashSet<string>(request.Texts("keep"), StringComparer.OrdinalIgnoreCase);
            var removed = new List<string>();
            var warnings = new List<string>();
            List<string> names;
            using (var iis = new ServerManager()) names = iis.Sites.Select(s => s.Name).Where(n => family.IsMatch(n)).ToList();
            names.AddRange(Slots.Folders(request.Root, family).Select(Path.GetFileName));
            foreach (var name in names.Distinct(StringComparer.OrdinalIgnoreCase).Where(n => !keep.Contains(n)).OrderBy(n => n, StringComparer.Ordinal).ToList())
            {
                var slot = Slots.Describe(name);
                if (slot != null && !Idle(slot)) continue;
                if (slot != null) Iis.Commit(iis => Drop(iis, name));
                if (DropFolder(Path.Combine(request.Root, name), warnings)) removed.Add(name);
            }
            if (Directory.Exists(request.Root))
                foreach (var partial in Directory.GetDirectories(request.Root, request.App + "-*.partial")) DropFolder(partial, warnings);
            return new Json { { "removed", removed }, { "warnings", warnings } };
        }

        static bool Idle(Json slot)
        {
            Func<string, bool> dead = part => (string)slot[part] == "stopped" || (string)slot[part] == "absent";
            return dead("site") && dead("pool") && ((List<Json>)slot["workers"]).Count == 0 && !(bool)slot["site_boot"] && !(bool)slot["pool_boot"];
        }

        /// Takes the site out as plain configuration: removing it as an object may take the port's certificate away from
        /// the site that serves (KB 2405568).
        static void Drop(ServerManager iis, string name)
        {
            var site = iis.Sites[name];
            var pool = site == null ? null : Iis.PoolOf(site);
            var sites = iis.GetApplicationHostConfiguration().GetSection("system.applicationHost/sites").GetCollection();
            var element = sites.FirstOrDefault(e => string.Equals((string)e.GetAttributeValue("name"), name, StringComparison.OrdinalIgnoreCase));
            if (element != null) sites.Remove(element);
            var used = iis.Sites.Where(s => s.Name != name).SelectMany(s => s.Applications).Any(a => a.ApplicationPoolName == pool);
            if (pool != null && !used && iis.ApplicationPools[pool] != null) iis.ApplicationPools.Remove(iis.ApplicationPools[pool]);
        }

        static bool DropFolder(string folder, List<string> warnings)
        {
            try
            {
                Paths.Delete(folder);
                return true;
            }
            catch (IOException e) { warnings.Add(folder + ": " + e.Message); }
            catch (UnauthorizedAccessException e) { warnings.Add(folder + ": " + e.Message); }
            return false;
        }
    }
}
