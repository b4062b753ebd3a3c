namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Text.RegularExpressions;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Removing slots that nobody needs. What cannot be deleted now is a warning, and is tried again the next time.
    static class Pruning
    {
        const string Trash = ".trash-";
        static readonly Regex rest = new Regex(@"^((?<slot>.+)\.partial|\.trash-(?<slot>.+)-[0-9a-f]{8})$", RegexOptions.IgnoreCase);

        public static object Prune(Request request)
        {
            var family = Slots.Family(request.App);
            var keep = new HashSet<string>(request.Texts("keep"), StringComparer.OrdinalIgnoreCase);
            var removed = new List<string>();
            var warnings = new List<string>();
            foreach (var left in Rests(request.Root, family)) Delete(left, warnings); // first: what now becomes one has had its minute
            List<string> names;
            using (var iis = new ServerManager()) names = iis.Sites.Select(s => s.Name).Where(n => family.IsMatch(n)).ToList();
            names.AddRange(Slots.Folders(request.Root, family).Select(Path.GetFileName));
            foreach (var name in names.Distinct(StringComparer.OrdinalIgnoreCase).Where(n => !keep.Contains(n)).OrderBy(n => n, StringComparer.Ordinal).ToList())
                if (Remove(request.Root, name, warnings)) removed.Add(name);
            return new Json { { "removed", removed }, { "warnings", warnings } };
        }

        /// Folders of slots that were never whole, or are being deleted. Those of an app whose name goes on from this one's are its own.
        static List<string> Rests(string root, Regex family)
        {
            if (!Directory.Exists(root)) return new List<string>();
            return Directory.GetDirectories(root).Where(f =>
            {
                var of = rest.Match(Path.GetFileName(f));
                return of.Success && family.IsMatch(of.Groups["slot"].Value);
            }).ToList();
        }

        /// Never by age: only what this program made, what is stopped, does not start at boot and holds nobody else's folder.
        static bool Remove(string root, string name, List<string> warnings)
        {
            var slot = Slots.Describe(name);
            var place = Path.Combine(root, name);
            var folder = slot == null ? place : Paths.Whole((string)slot["path"]);
            if (slot != null && !Idle(slot)) return false;
            var kept = Reason(folder, name);
            if (kept != null)
            {
                warnings.Add(name + ": " + kept);
                return false;
            }
            if (slot != null)
            {
                var bound = Certificates.Bound();
                Iis.Commit(iis => Drop(iis, name));
                warnings.AddRange(Certificates.Repair(bound, name));
            }
            if (string.Equals(folder, place, StringComparison.OrdinalIgnoreCase)) return DropFolder(folder, warnings);
            warnings.Add(name + ": its folder " + folder + " is not " + place + ", and stays");
            return true;
        }

        /// Why a slot stays that does not run; null: it may go.
        static string Reason(string folder, string name)
        {
            if (!Manifest.IsOf(folder, name)) return "it was not made by this program, and stays";
            var user = UserOf(folder, name);
            return user == null ? null : "site " + user + " has its folder there";
        }

        static bool Idle(Json slot)
        {
            Func<string, bool> dead = part => (string)slot[part] == "stopped" || (string)slot[part] == "absent";
            return dead("site") && dead("pool") && ((List<Json>)slot["workers"]).Count == 0 && !(bool)slot["site_boot"] && !(bool)slot["pool_boot"];
        }

        /// Another site whose folder is that one, or below it.
        static string UserOf(string folder, string but)
        {
            using (var iis = new ServerManager())
                return iis.Sites.Where(s => s.Name != but).Where(s => s.Applications.SelectMany(a => a.VirtualDirectories)
                    .Any(d => (Environment.ExpandEnvironmentVariables(d.PhysicalPath) + "\\").StartsWith(folder + "\\", StringComparison.OrdinalIgnoreCase)))
                    .Select(s => s.Name).FirstOrDefault();
        }

        /// Takes the site out as plain configuration: removing it as an object may take the port's certificate away from
        /// the site that serves (KB 2405568). With it goes what IIS would keep about its name and id, and the pool that create made for it.
        static void Drop(ServerManager iis, string name)
        {
            var site = iis.Sites[name];
            if (site == null) return;
            var configuration = iis.GetApplicationHostConfiguration();
            var sites = configuration.GetSection("system.applicationHost/sites").GetCollection();
            Metadata.Remove(iis, site.Id);
            sites.Remove(sites.First(e => string.Equals((string)e.GetAttributeValue("name"), name, StringComparison.OrdinalIgnoreCase)));
            foreach (var path in configuration.GetLocationPaths().Where(p => Below(p, name)).ToList()) configuration.RemoveLocationPath(path);
            var used = iis.Sites.Where(s => s.Name != name).SelectMany(s => s.Applications).Any(a => string.Equals(a.ApplicationPoolName, name, StringComparison.OrdinalIgnoreCase));
            var pool = iis.ApplicationPools[name];
            if (pool != null && !used) iis.ApplicationPools.Remove(pool);
        }

        static bool Below(string path, string name) { return (path + "/").StartsWith(name + "/", StringComparison.OrdinalIgnoreCase); }

        /// Out of the way first: a rename fails as a whole while a file is open. What then cannot be deleted is tried again the next time.
        static bool DropFolder(string folder, List<string> warnings)
        {
            if (!Directory.Exists(folder)) return true;
            var aside = Path.Combine(Path.GetDirectoryName(folder), Trash + Path.GetFileName(folder) + "-" + Guid.NewGuid().ToString("N").Substring(0, 8));
            try { Paths.Rename(folder, aside); }
            catch (IOException e)
            {
                warnings.Add(folder + ": " + e.Message);
                return false;
            }
            Delete(aside, warnings);
            return true;
        }

        static void Delete(string folder, List<string> warnings)
        {
            try { Paths.Delete(folder); }
            catch (IOException e) { warnings.Add(folder + ": " + e.Message); }
            catch (UnauthorizedAccessException e) { warnings.Add(folder + ": " + e.Message); }
        }
    }
}
