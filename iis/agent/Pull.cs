namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.IO.Compression;
    using System.Linq;
    using System.Net;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// The server fetches an archive by itself and keeps the contents that it is asked for. They are told by their SHA-256, and stored by
    /// it: what a name in the archive says means nothing here.
    static class Pull
    {
        const long mostBytes = 4L << 30;
        const string ending = ".archive.part"; // which the store takes for no content

        public static object Run(Request request)
        {
            var sum = request.Value("sha256");
            Entry.Check(sum);
            var size = request.Number("size", 0);
            var wanted = Wanted(request);
            if (size < 1 || size > mostBytes || wanted.Count == 0) throw new Refused("bad_request", "pull needs the size of an archive, and contents to look for");
            var store = Directory.CreateDirectory(Parts.Store(request.App, request.Root)).FullName;
            foreach (var left in Directory.GetFiles(store, "*" + ending)) Paths.Discard(left); // of a process that was killed
            var archive = Path.Combine(store, sum + ending);
            try
            {
                new Download(request, size).Save(archive);
                if (Parts.Sum(archive) != sum)
                    throw new Refused("hash_mismatch", "what came is not the archive that is meant") { Step = "compare the archive", Hint = "it was deleted, and nothing of it was kept" };
                return new Json { { "stored", Unpack(archive, wanted, store) } };
            }
            finally { Paths.Discard(archive); }
        }

        static Dictionary<string, long> Wanted(Request request)
        {
            var wanted = new Dictionary<string, long>();
            foreach (var file in request.Objects("files"))
            {
                var sum = (string)file["sha256"];
                Entry.Check(sum);
                wanted[sum] = Convert.ToInt64(file["size"]);
            }
            return wanted;
        }

        /// Only entries with the size of something that is wanted are looked into, and none further than that size.
        static List<string> Unpack(string archive, Dictionary<string, long> wanted, string store)
        {
            var sizes = new HashSet<long>(wanted.Values);
            var stored = new List<string>();
            var part = Path.Combine(store, "unpacked" + ending);
            var left = mostBytes;
            try
            {
                using (var file = File.OpenRead(archive))
                using (var zip = new ZipArchive(file, ZipArchiveMode.Read))
                    foreach (var entry in zip.Entries.Where(e => sizes.Contains(e.Length)))
                    {
                        if (stored.Count == wanted.Count) break;
                        if ((left -= entry.Length) < 0) throw new Refused("pull_failed", "the archive inflates to more than " + mostBytes + " bytes") { Step = "open the archive" };
                        if (!Inflate(entry, part)) continue;
                        var sum = Parts.Sum(part);
                        if (!wanted.ContainsKey(sum) || stored.Contains(sum)) continue;
                        if (!File.Exists(Path.Combine(store, sum))) Paths.Move(part, Path.Combine(store, sum));
                        stored.Add(sum);
                    }
            }
            catch (InvalidDataException) { throw new Refused("pull_failed", "the archive is no zip that this server can open") { Step = "open the archive" }; }
            finally { Paths.Discard(part); }
            return stored;
        }

        /// False for an entry that is damaged, encrypted, of a kind that .NET does not know, or of another size than it says.
        static bool Inflate(ZipArchiveEntry entry, string to)
        {
            var buffer = new byte[81920];
            try
            {
                using (var content = entry.Open())
                using (var file = Paths.Write(to, FileMode.Create))
                {
                    var total = 0L;
                    for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0; file.Write(buffer, 0, read))
                        if ((total += read) > entry.Length) return false;
                    return total == entry.Length;
                }
            }
            catch (InvalidDataException) { return false; }
        }
    }

    /// One transfer over https, with TLS 1.2 or later: the machine's store decides whom to trust, a proxy is asked only where one is named, and redirects lead to
    /// https only. No error has more of an address in it than the host: the rest may be a secret.
    sealed class Download
    {
        const int mostRedirects = 5, answerTime = 30000, idleTime = 60000;

        readonly Uri from;
        readonly string token;
        readonly IWebProxy proxy;
        readonly long size;
        readonly TimeSpan limit;
        readonly Stopwatch clock = Stopwatch.StartNew();
        readonly string group = Guid.NewGuid().ToString(); // connections of our own, made as we want them

        public Download(Request request, long size)
        {
            if (!Uri.TryCreate(request.Value("url"), UriKind.Absolute, out from) || from.Scheme != "https" || from.UserInfo != "")
                throw new Refused("bad_request", "the address of the archive is not https");
            token = request.Value("token");
            var named = request.Value("proxy");
            proxy = named == "" ? null : named == "machine" ? (IWebProxy)MachineProxy.Read() : new WebProxy(named);
            this.size = size;
            limit = TimeSpan.FromSeconds(request.Number("seconds", 600));
        }

        public void Save(string to)
        {
            try { Tls.During(() => Follow(to)); }
            catch (WebException e) { throw Explain(e); }
            catch (IOException e) { throw Broken(e); }
        }

        void Follow(string to)
        {
            var at = from;
            for (var n = 0; n <= mostRedirects; n++)
                using (var response = Ask(at))
                {
                    var status = (int)response.StatusCode;
                    if (status == 200)
                    {
                        Copy(response, to);
                        return;
                    }
                    var next = response.Headers["Location"];
                    if (status < 300 || status > 399 || next == null) throw Answered(at, status);
                    if (!Uri.TryCreate(at, next, out at) || at.Scheme != "https")
                        throw new Refused("pull_failed", from.Host + " leads to an address that is not https") { Step = Step };
                }
            throw new Refused("pull_failed", from.Host + " leads from one address to the next, more than " + mostRedirects + " times") { Step = Step };
        }

        const string Step = "fetch the archive";

        HttpWebResponse Ask(Uri at)
        {
            var http = (HttpWebRequest)WebRequest.Create(at);
            http.Proxy = proxy;
            http.AllowAutoRedirect = false;
            http.KeepAlive = false;
            http.ConnectionGroupName = group;
            http.UserAgent = "iis-canary";
            http.Timeout = answerTime;
            http.ReadWriteTimeout = idleTime;
            if (token != "" && at.Authority == from.Authority) http.Headers["Authorization"] = "Bearer " + token; // no other host may see it
            try { return (HttpWebResponse)http.GetResponse(); }
            catch (WebException e)
            {
                var response = e.Response as HttpWebResponse;
                if (response == null) throw;
                return response;
            }
        }

        void Copy(HttpWebResponse response, string to)
        {
            if (response.ContentLength > size) throw Other();
            var buffer = new byte[81920];
            var total = 0L;
            using (var body = response.GetResponseStream())
            using (var file = Paths.Write(to, FileMode.Create))
                for (int read; (read = body.Read(buffer, 0, buffer.Length)) > 0; file.Write(buffer, 0, read))
                {
                    if ((total += read) > size) throw Other();
                    if (clock.Elapsed > limit) throw new Refused("pull_failed", "the archive is not here after " + limit.TotalSeconds + " s") { Step = Step };
                }
            if (total < size) throw new Refused("busy", from.Host + " sent " + total + " of " + size + " bytes") { Step = Step };
        }

        Refused Other()
        {
            return new Refused("hash_mismatch", from.Host + " sends more than the " + size + " bytes of the archive that is meant") { Step = Step };
        }

        static Refused Answered(Uri at, int status)
        {
            var passing = status >= 500 || status == 429 || status == 408;
            var refused = new Refused(passing ? "busy" : "pull_failed", at.Host + " answers " + status) { Step = Step };
            if (status == 401 || status == 403) refused.Hint = "the server may not read the archive there: look at the token, or at the age of the address";
            if (status == 404 || status == 410) refused.Hint = "there is no such archive";
            return refused;
        }

        Refused Explain(WebException e)
        {
            if (e.Status == WebExceptionStatus.TrustFailure || e.Status == WebExceptionStatus.SecureChannelFailure)
                return new Refused("pull_failed", "no TLS with " + from.Host + " that this server trusts")
                { Step = Step, Hint = "put its authority into the server's store of trusted roots (Local Computer), and let it speak TLS 1.2" };
            return new Refused("busy", from.Host + " cannot be reached from this server: " + e.Status)
            { Step = Step, Hint = "let the server reach it, or name a proxy (package.pull_proxy)" };
        }

        Refused Broken(IOException e)
        {
            if (Rule.Of("", Rule.CodeOf(e)).Class == "disk_full") return new Refused("disk_full", "the disk is full") { Step = Step };
            return new Refused("busy", "the transfer from " + from.Host + " broke off") { Step = Step };
        }
    }
}
