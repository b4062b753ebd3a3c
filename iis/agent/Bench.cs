namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Net;
    using System.Net.Sockets;
    using System.Runtime.InteropServices;
    using System.Security.Cryptography.X509Certificates;
    using System.Text;
    using System.Text.RegularExpressions;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// What an experiment needs is not there: it can tell nothing.
    sealed class Hindered : Exception
    {
        public Hindered(string message) : base(message) { }
    }

    /// The throw-away site that experiments are made on: its own site, pool, folder and port, on 127.0.0.1 only. Its folder stands beside
    /// the slots, and is made first and removed last: whatever happens in between, Clean finds what is left.
    sealed class Bench
    {
        const string Prefix = "iis-canary-probe-", Twin = "-b", PortFile = "port.txt";
        static readonly Regex id = new Regex("^[a-z0-9]{4,12}$"), family = new Regex("^" + Prefix + "[a-z0-9]{4,12}(" + Twin + ")?$");
        static readonly TimeSpan settles = TimeSpan.FromSeconds(20);
        public readonly string Name, Folder;
        readonly int port;

        public Bench(string root, string suffix)
        {
            if (!id.IsMatch(suffix)) throw new Refused("bad_request", "id " + suffix + " is none of a probe");
            Name = Prefix + suffix;
            Folder = Path.Combine(root, Name);
            var known = PortOf(Folder);
            port = known > 0 ? known : FreePort();
            if (known > 0) return;
            Directory.CreateDirectory(Folder);
            Write(PortFile, port.ToString());
            Grant();
        }

        public string Address { get { return "127.0.0.1:" + port; } }

        /// A fresh site and pool, stopped and not starting at boot. With a certificate, or an empty one, it is https; then the port keeps what it has.
        public void Make(byte[] certificate, Action<Site, ApplicationPool> set)
        {
            Drop(new[] { Name, Name + Twin }, new[] { port });
            Iis.Commit(iis =>
            {
                var pool = iis.ApplicationPools.Add(Name);
                pool.AutoStart = false;
                pool.SetAttributeValue("managedRuntimeVersion", "");
                set(Add(iis, Name, certificate), pool);
            });
        }

        /// A second site on the same port and pool, as two slots share theirs.
        public void AddTwin(byte[] certificate) { Iis.Commit(iis => Add(iis, Name + Twin, certificate)); }

        public string TwinName { get { return Name + Twin; } }

        /// Ids far above those that IIS and people choose, because IIS leaves traces of deleted ids behind.
        Site Add(ServerManager iis, string name, byte[] certificate)
        {
            var binding = Address + ":";
            var site = iis.Sites.CreateElement();
            site.Name = name;
            site.Id = 1900000000 + port + (name == Name ? 0 : 100000);
            site.ServerAutoStart = false;
            site.Applications.Add("/", Folder).ApplicationPoolName = Name;
            if (certificate != null && certificate.Length > 0) site.Bindings.Add(binding, certificate, "My");
            else Creation.Bind(site, certificate == null ? "http" : "https", new[] { binding });
            iis.Sites.Add(site);
            return site;
        }

        public void StartPool() { Bring(iis => Iis.State(iis.ApplicationPools[Name]), iis => iis.ApplicationPools[Name].Start(), "pool"); }

        public void StartSite() { Bring(iis => Iis.State(iis.Sites[Name]), iis => iis.Sites[Name].Start(), "site"); }

        static void Bring(Func<ServerManager, string> look, Action<ServerManager> act, string what)
        {
            var last = "";
            var there = Iis.Until(settles, () => // held by a-real-server
            {
                using (var iis = new ServerManager()) // a fresh one each time: it is a snapshot
                {
                    if (look(iis) == "started") return "started";
                    try { act(iis); }
                    catch (Exception e) { last = ", HRESULT 0x" + Rule.CodeOf(e).ToString("X8"); } // WAS may not know it yet
                    return null;
                }
            });
            if (there == null) throw new Hindered("the throw-away " + what + " does not start" + last);
        }

        public List<int> Workers()
        {
            using (var iis = new ServerManager()) return Iis.Workers(iis.ApplicationPools[Name]).Select(w => w.ProcessId).ToList();
        }

        /// Whether something is so within some seconds.
        public static bool Soon(int seconds, Func<bool> so)
        {
            return Iis.Until(TimeSpan.FromSeconds(seconds), () => so() ? "so" : null) != null; // held by a-real-server
        }

        /// The status of one request; 0 where nobody answers.
        public int Ask(string path)
        {
            var http = (HttpWebRequest)WebRequest.Create(new Uri("http://" + Address + "/" + path));
            http.Proxy = null;
            http.AllowAutoRedirect = false;
            http.KeepAlive = false;
            http.Timeout = 30000;
            try
            {
                using (var answer = (HttpWebResponse)http.GetResponse()) return (int)answer.StatusCode;
            }
            catch (WebException e)
            {
                var answer = e.Response as HttpWebResponse;
                return answer == null ? 0 : (int)answer.StatusCode;
            }
        }

        public void Write(string name, string text) { File.WriteAllText(Path.Combine(Folder, name), text, new UTF8Encoding(false)); }

        /// Whether http.sys has a certificate for the port.
        public bool HasCertificate(byte[] hash)
        {
            string said;
            var code = Tool.Netsh("http show sslcert ipport=" + Address, out said);
            return code == 0 && said.IndexOf(BitConverter.ToString(hash).Replace("-", ""), StringComparison.OrdinalIgnoreCase) >= 0;
        }

        /// Any certificate that http.sys could use.
        public static byte[] Certificate()
        {
            var store = new X509Store(StoreName.My, StoreLocation.LocalMachine);
            try
            {
                store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
                var found = store.Certificates.Cast<X509Certificate2>()
                    .Where(c => c.HasPrivateKey && c.NotBefore <= DateTime.Now && c.NotAfter > DateTime.Now)
                    .OrderByDescending(c => c.NotAfter).FirstOrDefault();
                if (found != null) return found.GetCertHash();
            }
            catch (System.Security.Cryptography.CryptographicException) { } // there is no such store
            finally { store.Close(); }
            throw new Hindered(@"there is no valid certificate with a private key in LocalMachine\My");
        }

        /// IIS' own accounts may read the folder, and workers may write into it, whatever the folder above it says.
        void Grant()
        {
            try
            {
                string said;
                Tool.Run(Tool.System("icacls.exe"), "\"" + Folder + "\" /grant *S-1-5-32-568:(OI)(CI)M *S-1-5-17:(OI)(CI)RX", out said);
            }
            catch (Hindered) { } // then the folder above it has to allow that
        }

        static int FreePort()
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            try { return ((IPEndPoint)listener.LocalEndpoint).Port; }
            finally { listener.Stop(); }
        }

        static int PortOf(string folder)
        {
            var file = Path.Combine(folder, PortFile);
            int port;
            return File.Exists(file) && int.TryParse(File.ReadAllText(file, Encoding.UTF8), out port) ? port : 0;
        }

        /// Removes what this probe and earlier ones have left. What cannot be removed is a warning.
        public static Json Clean(string root)
        {
            var warnings = new List<string>();
            List<string> names;
            using (var iis = new ServerManager())
                names = iis.Sites.Select(s => s.Name).Concat(iis.ApplicationPools.Select(p => p.Name)).Where(n => family.IsMatch(n)).ToList();
            var folders = Directory.Exists(root) ? Directory.GetDirectories(root, Prefix + "*").Where(f => family.IsMatch(Path.GetFileName(f))).ToList() : new List<string>();
            names = names.Concat(folders.Select(Path.GetFileName)).Distinct(StringComparer.OrdinalIgnoreCase).OrderBy(n => n, StringComparer.Ordinal).ToList();
            Drop(names, folders.Select(PortOf).Where(p => p > 0));
            foreach (var name in names) Tool.CancelJob(name);
            foreach (var folder in folders)
            {
                try { Paths.Delete(folder); }
                catch (IOException e) { warnings.Add(folder + ": " + e.Message); }
                catch (UnauthorizedAccessException e) { warnings.Add(folder + ": " + e.Message); }
            }
            return new Json { { "removed", names }, { "warnings", warnings } };
        }

        /// Stops sites and pools, takes them out as plain configuration, and takes the certificate off the ports.
        static void Drop(IEnumerable<string> names, IEnumerable<int> ports)
        {
            var gone = new HashSet<string>(names, StringComparer.OrdinalIgnoreCase);
            var there = false;
            using (var iis = new ServerManager())
            {
                foreach (var site in iis.Sites.Where(s => gone.Contains(s.Name))) { there = true; Quietly(() => site.Stop()); }
                foreach (var pool in iis.ApplicationPools.Where(p => gone.Contains(p.Name))) { there = true; Quietly(() => pool.Stop()); }
            }
            if (there)
            {
                Soon(15, () => { using (var iis = new ServerManager()) return iis.ApplicationPools.Where(p => gone.Contains(p.Name)).All(p => Iis.Workers(p).Count == 0); });
                Iis.Commit(iis => Remove(iis, gone));
            }
            foreach (var port in ports) Tool.ReleaseCertificate("127.0.0.1:" + port);
        }

        static void Remove(ServerManager iis, HashSet<string> gone)
        {
            var sites = iis.GetApplicationHostConfiguration().GetSection("system.applicationHost/sites").GetCollection();
            foreach (var element in sites.Where(e => gone.Contains((string)e.GetAttributeValue("name"))).ToList()) sites.Remove(element);
            foreach (var pool in iis.ApplicationPools.Where(p => gone.Contains(p.Name)).ToList()) iis.ApplicationPools.Remove(pool);
        }

        /// What cannot be stopped now is stopped when it is taken out of the configuration.
        static void Quietly(Action act)
        {
            try { act(); }
            catch (COMException) { }
            catch (UnauthorizedAccessException) { }
        }
    }
}
