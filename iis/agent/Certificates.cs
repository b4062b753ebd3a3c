namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Security.Cryptography;
    using System.Security.Cryptography.X509Certificates;
    using System.Text;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Certificates hang on ports in http.sys, not on sites: all sites of a port share the one that is there.
    static class Certificates
    {
        static readonly int[] legacy = { 5506, 5511 }; // SSL_CERT_HASH and SSL_STORE_NAME of the metabase
        const string My = "MY"; // the store that a certificate is looked for in

        /// The certificate that a slot with these bindings would get. Nothing is changed.
        public static object Look(Request request)
        {
            var subject = request.Value("subject");
            var thumbprint = request.Value("thumbprint");
            var bindings = new HashSet<string>(request.Texts("bindings").Select(Port));
            if (request.App == "" || subject + thumbprint == "" || bindings.Count == 0)
                throw new Refused("bad_request", "certificate needs a subject or a thumbprint, and bindings");
            var found = Find(subject, thumbprint);
            foreach (var port in bindings) RefuseOther(port, found.Thumbprint);
            return new Json { { "thumbprint", found.Thumbprint }, { "subject", found.Subject }, { "not_after", Text.Time(found.NotAfter) } };
        }

        /// Leaves a certificate that is there alone; another one is a conflict; only where there is none is it set: true.
        public static bool Use(IEnumerable<string> bindings, Json wanted)
        {
            if (wanted == null) return false;
            var hash = Find((string)wanted["subject"], (string)wanted["thumbprint"]).Thumbprint;
            var empty = bindings.Select(Port).Distinct().Where(port => !RefuseOther(port, hash)).ToList();
            foreach (var port in empty)
            {
                var said = Kernel.Add(port, hash, My);
                if (said != null)
                    throw new Refused("certificate_missing", "http.sys does not take the certificate " + hash + ": " + said)
                    { Step = "set the certificate", Hint = @"import it into LocalMachine\My again, for the machine, with its private key" };
            }
            return empty.Count > 0;
        }

        /// Whether the port has the certificate; any other is a conflict.
        static bool RefuseOther(string port, string hash)
        {
            var present = Kernel.On(port);
            if (present == "" || present == hash) return present != "";
            throw new Refused("conflict", "the port of " + port + " has another certificate, " + present)
            { Step = "choose the certificate", Hint = "all sites on the port share it; change it there, on a drained server" };
        }

        /// What hangs on a port, and the store that it is in.
        public sealed class Hung
        {
            public string Hash, Store;
        }

        /// What hangs on each port that a site uses; a port without a certificate is not in it.
        public static Dictionary<string, Hung> Bound()
        {
            var bound = new Dictionary<string, Hung>();
            using (var iis = new ServerManager())
                foreach (var binding in Sharing(iis))
                {
                    var hash = Hex(binding.CertificateHash);
                    if (hash != "") bound[Port(binding.BindingInformation)] = new Hung { Hash = hash, Store = binding.CertificateStoreName };
                }
            return bound;
        }

        /// The bindings with the certificate of their port.
        static IEnumerable<Binding> Sharing(ServerManager iis)
        {
            return iis.Sites.SelectMany(s => s.Bindings).Where(b => b.Protocol == "https" && !HasOwn(b));
        }

        /// Whether a binding has its certificate by a server name (SNI), from the central store, or both: none of these is the port's.
        static bool HasOwn(Binding binding) { return (Convert.ToInt64(binding.GetAttributeValue("sslFlags") ?? 0) & 3) != 0; }

        /// What hangs on the port of a site's first binding.
        public static string Of(Site site)
        {
            var first = site.Bindings.FirstOrDefault();
            return first == null || HasOwn(first) ? "" : Hex(first.CertificateHash);
        }

        /// What hangs on the ports of these bindings, and what did when the app's boot flags were set last.
        public static List<Json> Compare(string app, IEnumerable<string> bindings)
        {
            var now = Bound();
            var before = new Json();
            try { before = Text.Parse(File.ReadAllText(FileOf(app), Encoding.UTF8)); }
            catch (IOException) { } // nothing was remembered yet
            catch (UnauthorizedAccessException) { }
            catch (ArgumentException) { } // half written
            return bindings.Select(Port).Distinct().Select(port => new Json
            {
                { "port", port }, { "thumbprint", now.ContainsKey(port) ? now[port].Hash : "" }, { "before", before.ContainsKey(port) ? before[port] : "" },
            }).ToList();
        }

        /// Remembers what hangs on the ports, for Compare. Why that could not be written, which hinders nothing else; null: it was.
        public static string Remember(string app)
        {
            var path = FileOf(app);
            try
            {
                File.WriteAllText(path + ".part", Text.Json(Bound().ToDictionary(b => b.Key, b => (object)b.Value.Hash)), new UTF8Encoding(false));
                if (File.Exists(path)) File.Replace(path + ".part", path, null); else File.Move(path + ".part", path);
                return null;
            }
            catch (IOException e) { return e.Message; } // a virus scanner or another survey has it open
            catch (UnauthorizedAccessException e) { return e.Message; }
        }

        static string FileOf(string app) { return Path.Combine(Data.Folder(app, ""), "certificates.json"); }

        /// Where values of an IIS of long ago stand in the configuration, 5506 and 5511: they take certificates off ports, at some time.
        public static List<string> Legacy()
        {
            using (var iis = new ServerManager())
                return iis.GetApplicationHostConfiguration().GetSection("system.applicationHost/customMetadata").GetCollection()
                    .Where(key => key.GetCollection().Any(p => legacy.Contains(Convert.ToInt32(p.GetAttributeValue("id")))))
                    .Select(key => (string)key.GetAttributeValue("path")).OrderBy(path => path, StringComparer.Ordinal).ToList();
        }

        /// Puts back what ports had before and sites still need, and says so. What cannot be put back hinders nothing else.
        public static List<string> Repair(Dictionary<string, Hung> before, string with)
        {
            var now = Bound();
            List<string> needed;
            using (var iis = new ServerManager()) needed = Sharing(iis).Select(b => Port(b.BindingInformation)).Distinct().ToList();
            var warnings = new List<string>();
            foreach (var port in needed.Where(p => before.ContainsKey(p) && !now.ContainsKey(p)))
            {
                var store = before[port].Store ?? My;
                var lost = "the certificate of " + port + " was lost with " + with;
                string said;
                try { said = Kernel.Add(port, before[port].Hash, store); }
                catch (Refused e) { said = e.Message; }
                warnings.Add(said == null ? lost + ", and was put back" :
                    lost + ", and could not be put back: set " + before[port].Hash + " of the store " + store + " by hand, nobody can connect until then; " + said);
            }
            return warnings;
        }

        public static string Hex(byte[] hash) { return hash == null ? "" : BitConverter.ToString(hash).Replace("-", ""); }

        /// Address and port of a binding: http.sys knows certificates by these.
        static string Port(string binding) { return binding.Substring(0, binding.LastIndexOf(':') + 1); }

        /// The certificate with a private key that is valid now and lasts longest.
        static X509Certificate2 Find(string subject, string thumbprint)
        {
            var plain = new string((thumbprint ?? "").Where(Uri.IsHexDigit).ToArray()).ToUpperInvariant();
            var found = Store()
                .Where(c => c.HasPrivateKey && c.NotBefore <= DateTime.Now && c.NotAfter > DateTime.Now)
                .Where(c => plain != "" ? c.Thumbprint == plain : Names(c, subject ?? ""))
                .OrderByDescending(c => c.NotAfter).ThenByDescending(c => c.NotBefore).FirstOrDefault();
            if (found == null)
                throw new Refused("certificate_missing", "no valid certificate with a private key for " + (plain != "" ? plain : subject))
                { Step = "choose the certificate", Hint = @"it must be in LocalMachine\My" };
            OpenKey(found);
            return found;
        }

        /// A key that cannot be opened is found out now, not by http.sys in the middle of a commit (0x80070520).
        static void OpenKey(X509Certificate2 certificate)
        {
            const int otherProvider = unchecked((int)0x80090014); // a CNG key, which this way does not open: nothing is wrong with it
            try
            {
                using (certificate.PrivateKey) { }
            }
            catch (NotSupportedException) { } // an elliptic curve, as above
            catch (CryptographicException e)
            {
                if (e.HResult == otherProvider) return;
                throw new Refused("certificate_missing", "the private key of " + certificate.Thumbprint + " cannot be opened: " + e.Message.Trim())
                { Step = "open the private key", HResult = e.HResult, Hint = @"import the certificate with its key into LocalMachine\My, for the machine" };
            }
        }

        /// What LocalMachine\My holds; nothing where there is no such store.
        static List<X509Certificate2> Store()
        {
            var store = new X509Store(StoreName.My, StoreLocation.LocalMachine);
            try
            {
                store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
                return store.Certificates.Cast<X509Certificate2>().ToList();
            }
            catch (CryptographicException) { return new List<X509Certificate2>(); }
            finally { store.Close(); }
        }

        /// Whole names only: a wildcard in the subject is a text like any other.
        static bool Names(X509Certificate2 certificate, string subject)
        {
            return subject != "" && Alternatives(certificate).Concat(new[] { certificate.GetNameInfo(X509NameType.SimpleName, false) })
                .Any(name => string.Equals(name, subject, StringComparison.OrdinalIgnoreCase));
        }

        /// What Windows writes of them: "DNS Name=a, DNS Name=b", in the words of its language.
        static IEnumerable<string> Alternatives(X509Certificate2 certificate)
        {
            return certificate.Extensions.Cast<X509Extension>().Where(e => e.Oid.Value == "2.5.29.17")
                .SelectMany(e => e.Format(false).Split(',')).Select(part => part.Substring(part.IndexOf('=') + 1).Trim());
        }
    }
}
