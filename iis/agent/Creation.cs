namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Text;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Making a slot: files first, verified, then pool and site in one commit, stopped and not starting at boot.
    static class Creation
    {
        public static object Create(Request request)
        {
            var slot = request.Slot;
            var digest = request.Value("digest");
            Entry.Check(digest);
            if (request.Value("version") == "" || request.Objects("files").Count == 0 || request.Texts("bindings").Count == 0)
                throw new Refused("bad_request", "create needs a version, files and bindings");
            var folder = Path.Combine(request.Root, slot);
            var before = Slots.Describe(slot);
            var manifest = Manifest.Read(folder);
            RefuseOther(slot, digest, folder, before, manifest);
            var warnings = new List<string>();
            var set = Certificates.Use(request.Texts("bindings"), request.Object("certificate"));
            if (manifest == null) Materialise(request, folder);
            else if (before == null) Rights.Grant(folder, slot); // an older agent's, whose commit failed, may be without
            if (manifest != null) Manifest.Protect(folder); // an older agent's is open
            if (before == null) Iis.Commit(iis => Commit(iis, request, folder, warnings));
            if (before == null) warnings.AddRange(Differences(request, folder));
            var after = Slots.Describe(slot);
            after = Iis.Until(TimeSpan.FromSeconds(15), () => Settled(slot)) ?? after; // held by 03-state-unknown-after-create
            var absent = new Json { { "name", slot }, { "site", "absent" }, { "pool", "absent" } };
            var change = Power.Change(before == null || manifest == null || set, before ?? absent, after);
            change["warnings"] = warnings;
            return change;
        }

        /// A slot is never edited after it was made.
        static void RefuseOther(string slot, string digest, string folder, Json before, Json manifest)
        {
            object there = null;
            if (manifest != null) manifest.TryGetValue("digest", out there);
            if (manifest != null && (string)there != digest)
                throw new Refused("conflict", slot + " holds another release, with digest " + there) { Hint = "choose another slot" };
            if (manifest == null && before != null)
                throw new Refused("conflict", "a site " + slot + " exists that was not made by this tool") { Hint = "choose another slot" };
            if (manifest == null && Directory.Exists(folder))
                throw new Refused("conflict", folder + " exists and was not made by this tool") { Hint = "choose another slot, or remove it" };
        }

        /// Just after a commit WAS may not know the site yet.
        static Json Settled(string slot)
        {
            var now = Slots.Describe(slot);
            return now != null && (string)now["site"] != "unknown" && (string)now["pool"] != "unknown" ? now : null;
        }

        static void Materialise(Request request, string folder)
        {
            var partial = folder + ".partial";
            var sources = Parts.Sources(request.App, request.Root);
            var files = request.Objects("files").Select(f => new Entry(f)).ToList();
            Paths.Measure(partial, files.Select(f => f.Path));
            Paths.Delete(partial);
            Directory.CreateDirectory(partial);
            Rights.Grant(partial, request.Slot); // as long as there is nothing in it
            foreach (var file in files) Copy(file, sources, Paths.Join(partial, file.Path));
            var manifest = new Json
            {
                { "app", request.App }, { "slot", request.Slot }, { "version", request.Value("version") }, { "digest", request.Value("digest") },
                { "created", Text.Time(DateTime.UtcNow) }, { "files", files.Select(f => f.Json()).ToList() },
            };
            File.WriteAllText(Path.Combine(partial, Manifest.Name), Text.Json(manifest), new UTF8Encoding(false));
            Manifest.Protect(partial);
            Paths.Rename(partial, folder); // this is what makes a folder a slot
            foreach (var file in files) Paths.Discard(Path.Combine(Parts.Store(request.App, request.Root), file.Sum));
        }

        static void Copy(Entry file, Dictionary<string, List<string>> sources, string to)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to));
            List<string> found;
            if (sources.TryGetValue(file.Sum, out found))
                foreach (var from in found.Where(File.Exists))
                {
                    File.Copy(from, to, true);
                    File.SetAttributes(to, FileAttributes.Normal);
                    if (new FileInfo(to).Length == file.Size && Parts.Sum(to) == file.Sum) return;
                    Paths.Remove(to);
                }
            throw new Refused("not_found", "the content of " + file.Path + " is not on this server") { Step = "copy the files", Hint = "put it first" };
        }

        static void Commit(ServerManager iis, Request request, string folder, List<string> warnings)
        {
            warnings.Clear();
            if (iis.Sites[request.Slot] != null) return; // made by a commit whose answer was lost
            MakePool(iis, request.Slot, request.Value("runtime"));
            var site = iis.Sites.CreateElement();
            site.Name = request.Slot;
            site.Id = FreeId(iis, site);
            site.ServerAutoStart = false;
            site.Applications.Add("/", folder).ApplicationPoolName = request.Slot;
            Bind(site, "https", request.Texts("bindings"));
            iis.Sites.Add(site);
            site.LogFile.LogExtFileFlags = site.LogFile.LogExtFileFlags | LogExtFileFlags.SiteName;
            try { site.LogFile.SetAttributeValue("logSiteId", false); } // s-sitename then carries the name, not W3SVC<id>
            catch (COMException) { warnings.Add("this IIS cannot write the site's name into the access log"); }
        }

        /// As plain elements: a typed binding would have its port's certificate written again at the commit.
        public static void Bind(Site site, string protocol, IEnumerable<string> bindings)
        {
            var all = site.GetCollection("bindings");
            foreach (var information in bindings)
            {
                var binding = all.CreateElement("binding");
                binding.SetAttributeValue("protocol", protocol);
                binding.SetAttributeValue("bindingInformation", information);
                all.Add(binding);
            }
        }

        static void MakePool(ServerManager iis, string name, string runtime)
        {
            var pool = iis.ApplicationPools[name] ?? iis.ApplicationPools.Add(name);
            pool.AutoStart = false;
            foreach (var setting in Setting.All(runtime)) setting.Apply(pool);
        }

        /// What a new manager reads otherwise than it was set.
        static IEnumerable<string> Differences(Request request, string folder)
        {
            using (var iis = new ServerManager())
            {
                var site = iis.Sites[request.Slot];
                var pool = site == null ? null : Slots.Pool(iis, site);
                if (pool == null) throw new Refused("unsettled", request.Slot + " is gone again after its commit") { Step = "read back", Hint = "another tool may have removed it" };
                var found = Setting.All(request.Value("runtime")).Select(s => s.Difference(pool)).Where(d => d != null).ToList();
                if (!string.Equals(Iis.PathOf(site), folder, StringComparison.OrdinalIgnoreCase)) found.Add("its folder is " + Iis.PathOf(site) + ", not " + folder);
                if (!new HashSet<string>(request.Texts("bindings")).SetEquals(site.Bindings.Select(b => b.BindingInformation))) found.Add("its bindings are not those that were set");
                if (site.ServerAutoStart || pool.AutoStart) found.Add("it starts at boot, which nobody asked for");
                return found;
            }
        }

        /// FNV-1a of the name, so that an id is not used again by another site: IIS leaves traces of deleted ids behind.
        static long FreeId(ServerManager iis, Site mine)
        {
            var taken = new HashSet<long>(iis.Sites.Where(s => s.Name != mine.Name).Select(s => s.Id));
            taken.UnionWith(Metadata.Ids(iis));
            uint id = 2166136261;
            foreach (var b in Encoding.UTF8.GetBytes(mine.Name.ToLowerInvariant())) id = unchecked((id ^ b) * 16777619);
            for (id = Math.Max(1000, id & 0x7FFFFFFF); taken.Contains(id); id++) { }
            return id;
        }
    }

    /// What IIS keeps about ids of sites, also after they are gone: a new site with such an id inherits it (KB 3202096).
    static class Metadata
    {
        const string Prefix = "LM/W3SVC/";

        static ConfigurationElementCollection Keys(ServerManager iis)
        {
            return iis.GetApplicationHostConfiguration().GetSection("system.applicationHost/customMetadata").GetCollection();
        }

        public static IEnumerable<long> Ids(ServerManager iis)
        {
            return Keys(iis).Select(Id).Where(id => id > 0);
        }

        public static void Remove(ServerManager iis, long id)
        {
            var keys = Keys(iis);
            foreach (var key in keys.Where(k => Id(k) == id).ToList()) keys.Remove(key);
        }

        /// 0 where the key is not a site's, or below one.
        static long Id(ConfigurationElement key)
        {
            var path = key.GetAttributeValue("path") as string ?? "";
            long id;
            if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return 0;
            return long.TryParse(path.Substring(Prefix.Length).Split('/')[0], out id) ? id : 0;
        }
    }
}
