namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Security.Cryptography.X509Certificates;
    using System.Text;
    using System.Threading;
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
            if (manifest == null) Materialise(request, folder);
            if (before == null) Iis.Commit(iis => Commit(iis, request, folder, warnings));
            var after = Iis.Until(TimeSpan.FromSeconds(15), () => Settled(slot)) ?? Slots.Describe(slot);
            var change = Power.Change(before == null || manifest == null, before, after);
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
            Paths.Delete(partial);
            Directory.CreateDirectory(partial);
            foreach (var file in files) Copy(file, sources, Paths.Join(partial, file.Path));
            var manifest = new Json
            {
                { "app", request.App }, { "slot", request.Slot }, { "version", request.Value("version") }, { "digest", request.Value("digest") },
                { "created", Text.Time(DateTime.UtcNow) }, { "files", files.Select(f => f.Json()).ToList() },
            };
            File.WriteAllText(Path.Combine(partial, Manifest.Name), Text.Json(manifest), new UTF8Encoding(false));
            Rename(partial, folder);
            foreach (var file in files) File.Delete(Path.Combine(Parts.Store(request.App, request.Root), file.Sum));
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
                    File.Delete(to);
                }
            throw new Refused("not_found", "the content of " + file.Path + " is not on this server") { Step = "copy the files", Hint = "put it first" };
        }

        /// The rename is what makes a folder a slot. A virus scanner may hold a file for a while.
        static void Rename(string partial, string folder)
        {
            for (var left = 60; ; left--)
            {
                try
                {
                    Directory.Move(partial, folder);
                    return;
                }
                catch (IOException)
                {
                    if (left == 0) throw;
                }
                Thread.Sleep(1000);
            }
        }

        static void Commit(ServerManager iis, Request request, string folder, List<string> warnings)
        {
            warnings.Clear();
            MakePool(iis, request.Slot, request.Value("runtime"));
            var bindings = request.Texts("bindings");
            var site = iis.Sites.Add(request.Slot, "https", bindings[0], folder);
            site.Id = FreeId(iis, site);
            site.ServerAutoStart = false;
            site.Applications["/"].ApplicationPoolName = request.Slot;
            foreach (var more in bindings.Skip(1)) site.Bindings.Add(more, "https");
            UseCertificate(iis, site, request.Object("certificate"));
            site.LogFile.LogExtFileFlags = site.LogFile.LogExtFileFlags | LogExtFileFlags.SiteName;
            try { site.LogFile.SetAttributeValue("logSiteId", false); } // s-sitename then carries the name, not W3SVC<id>
            catch (COMException) { warnings.Add("this IIS cannot write the site's name into the access log"); }
        }

        static void MakePool(ServerManager iis, string name, string runtime)
        {
            var pool = iis.ApplicationPools[name] ?? iis.ApplicationPools.Add(name);
            pool.AutoStart = false;
            pool.ManagedRuntimeVersion = runtime == "none" ? "" : runtime;
            pool.ManagedPipelineMode = ManagedPipelineMode.Integrated;
            pool.SetAttributeValue("startMode", "AlwaysRunning");
            pool.ProcessModel.IdleTimeout = TimeSpan.Zero;
            pool.Recycling.PeriodicRestart.Time = TimeSpan.Zero;
        }

        /// An id that follows from the name, so that it is not reused: IIS leaves traces of deleted ids behind.
        static long FreeId(ServerManager iis, Site mine)
        {
            var taken = new HashSet<long>(iis.Sites.Where(s => s.Name != mine.Name).Select(s => s.Id));
            uint id = 2166136261;
            foreach (var b in Encoding.UTF8.GetBytes(mine.Name.ToLowerInvariant())) id = unchecked((id ^ b) * 16777619);
            for (id = Math.Max(1000, id & 0x7FFFFFFF); taken.Contains(id); id++) { }
            return id;
        }

        /// The certificate hangs on the port in http.sys and is shared by all sites there: one that is there is left
        /// alone, another one is a conflict, and only where there is none is it set.
        static void UseCertificate(ServerManager iis, Site site, Json wanted)
        {
            if (wanted == null) return;
            var hash = Certificates.Find((string)wanted["subject"], (string)wanted["thumbprint"]);
            foreach (var binding in site.Bindings.ToList())
            {
                var present = binding.CertificateHash;
                if (present == null || present.Length == 0)
                {
                    site.Bindings.Remove(binding);
                    site.Bindings.Add(binding.BindingInformation, hash, "My");
                }
                else if (!present.SequenceEqual(hash))
                    throw new Refused("conflict", "the port of " + binding.BindingInformation + " has another certificate, " + BitConverter.ToString(present).Replace("-", ""))
                    { Step = "choose the certificate", Hint = "all sites on the port share it; change it there, on a drained server" };
            }
        }
    }

    static class Certificates
    {
        /// The certificate with a private key that is valid now and lasts longest.
        public static byte[] Find(string subject, string thumbprint)
        {
            var store = new X509Store(StoreName.My, StoreLocation.LocalMachine);
            store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
            try
            {
                var plain = new string((thumbprint ?? "").Where(Uri.IsHexDigit).ToArray()).ToUpperInvariant();
                var found = store.Certificates.Cast<X509Certificate2>()
                    .Where(c => c.HasPrivateKey && c.NotBefore <= DateTime.Now && c.NotAfter > DateTime.Now)
                    .Where(c => plain != "" ? c.Thumbprint == plain : Names(c, subject ?? ""))
                    .OrderByDescending(c => c.NotAfter).ThenByDescending(c => c.NotBefore).FirstOrDefault();
                if (found == null)
                    throw new Refused("certificate_missing", "no valid certificate with a private key for " + (plain != "" ? plain : subject))
                    { Step = "choose the certificate", Hint = @"it must be in LocalMachine\My" };
                return found.GetCertHash();
            }
            finally { store.Close(); }
        }

        static bool Names(X509Certificate2 certificate, string subject)
        {
            var name = certificate.GetNameInfo(X509NameType.DnsName, false);
            return subject != "" && (string.Equals(name, subject, StringComparison.OrdinalIgnoreCase) ||
                certificate.Subject.IndexOf("CN=" + subject, StringComparison.OrdinalIgnoreCase) >= 0);
        }
    }
}
