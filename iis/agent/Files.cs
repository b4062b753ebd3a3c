namespace IisCanary
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.IO;
    using System.IO.Compression;
    using System.Linq;
    using System.Security.AccessControl;
    using System.Security.Cryptography;
    using System.Security.Principal;
    using System.Text;
    using System.Text.RegularExpressions;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// One file of a release.
    sealed class Entry
    {
        static readonly Regex bad = new Regex(@"(^|/)(\.{1,2})?(/|$)|[<>:""\\|?*\x00-\x1f]|[. ](/|$)");
        static readonly Regex sum = new Regex("^[0-9a-f]{64}$");
        public readonly string Path, Sum;
        public readonly long Size;

        public Entry(Json json)
        {
            Path = (string)json["path"];
            Sum = (string)json["sha256"];
            Size = Convert.ToInt64(json["size"]);
            if (bad.IsMatch(Path) || Size < 0) throw new Refused("bad_request", "file " + Path + " cannot be stored");
            Check(Sum);
        }

        public static void Check(string hash)
        {
            if (!sum.IsMatch(hash)) throw new Refused("bad_request", hash + " is no SHA-256");
        }

        public Json Json() { return new Json { { "path", Path }, { "size", Size }, { "sha256", Sum } }; }
    }

    /// .canary.json in a slot's folder: what was put there.
    static class Manifest
    {
        public const string Name = ".canary.json";

        public static Json Read(string folder)
        {
            try { return Text.Parse(File.ReadAllText(Path.Combine(folder, Name), Encoding.UTF8)); }
            catch (IOException) { return null; }
            catch (UnauthorizedAccessException) { return null; } // a share, or a folder of somebody else
            catch (NotSupportedException) { return null; } // a site's path can be any text
            catch (ArgumentException) { return null; } // half written, or somebody else's
            catch (InvalidOperationException) { return null; }
        }

        /// Says whether create made a folder for a slot of that name.
        public static bool IsOf(string folder, string slot)
        {
            object said;
            var manifest = folder == "" ? null : Read(folder);
            return manifest != null && manifest.TryGetValue("slot", out said) && string.Equals(said as string, slot, StringComparison.OrdinalIgnoreCase);
        }

        /// It lies in the web root and names every file: only Administrators and the system may read it, not the pool that IIS serves files as.
        public static void Protect(string folder)
        {
            var rules = new FileSecurity();
            rules.SetAccessRuleProtection(true, false);
            foreach (var who in new[] { "S-1-5-32-544", "S-1-5-18" })
                rules.AddAccessRule(new FileSystemAccessRule(new SecurityIdentifier(who), FileSystemRights.FullControl, AccessControlType.Allow));
            File.SetAccessControl(Path.Combine(folder, Name), rules);
        }

        public static void Describe(string folder, Json slot)
        {
            var manifest = folder == "" ? null : Read(folder);
            foreach (var name in new[] { "digest", "version", "created" })
                slot[name] = manifest != null && manifest.ContainsKey(name) ? manifest[name] : "";
        }

        public static IEnumerable<Entry> Files(Json manifest)
        {
            object list;
            if (!manifest.TryGetValue("files", out list)) return new Entry[0];
            return ((IEnumerable)list).Cast<Json>().Select(f => new Entry(f));
        }
    }

    /// Where contents can be had from: folders of other slots, and the store of parts beside them.
    static class Parts
    {
        public static object Have(Request request)
        {
            var sources = Sources(request.App, request.Root);
            return new Json { { "have", request.Texts("hashes").Where(sources.ContainsKey).ToList() } };
        }

        public static object Put(Request request)
        {
            var store = Directory.CreateDirectory(Store(request.App, request.Root)).FullName;
            var stored = new List<string>();
            using (var blob = new DeflateStream(new MemoryStream(request.Blob), CompressionMode.Decompress))
                foreach (var file in request.Objects("files"))
                {
                    var sum = (string)file["sha256"];
                    Entry.Check(sum);
                    var part = Path.Combine(store, sum);
                    var size = Convert.ToInt64(file["size"]);
                    Write(blob, part, Convert.ToInt64(file["offset"]), Convert.ToInt64(file["length"]), size);
                    if (File.Exists(part) || Complete(part, sum, size)) stored.Add(sum);
                }
            return new Json { { "stored", stored.Distinct().ToList() } };
        }

        /// Copies one range out of the blob; a part that is complete already takes it without writing.
        static void Write(Stream blob, string part, long offset, long length, long size)
        {
            if (offset < 0 || length < 0 || length > size || offset > size - length) throw new Refused("bad_request", "a range outside its file");
            var buffer = new byte[81920];
            using (var file = File.Exists(part) ? Stream.Null : Paths.Write(part + ".part", FileMode.OpenOrCreate))
            {
                if (file != Stream.Null) file.Position = offset;
                for (var left = length; left > 0; )
                {
                    var read = blob.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                    if (read <= 0) throw new Refused("bad_request", "the blob ends too early");
                    file.Write(buffer, 0, read);
                    left -= read;
                }
            }
        }

        static bool Complete(string part, string sum, long size)
        {
            var partial = part + ".part";
            if (new FileInfo(partial).Length < size) return false;
            if (Sum(partial) != sum)
            {
                Paths.Remove(partial);
                throw new Refused("hash_mismatch", "what arrived for " + sum + " is something else") { Hint = "it is deleted; send it again" };
            }
            Paths.Move(partial, part);
            return true;
        }

        /// Where each content can be copied from, by its hash.
        public static Dictionary<string, List<string>> Sources(string app, string root)
        {
            var sources = new Dictionary<string, List<string>>();
            foreach (var folder in Slots.Folders(root, Slots.Family(app)))
            {
                var manifest = Manifest.Read(folder);
                if (manifest == null) continue;
                foreach (var file in Manifest.Files(manifest)) Offer(sources, file.Sum, Paths.Join(folder, file.Path), file.Size);
            }
            var store = Store(app, root);
            if (Directory.Exists(store))
                foreach (var part in Directory.GetFiles(store).Where(p => !p.EndsWith(".part"))) Offer(sources, Path.GetFileName(part), part, -1);
            return sources;
        }

        static void Offer(Dictionary<string, List<string>> sources, string sum, string path, long size)
        {
            var file = new FileInfo(path);
            if (!file.Exists || size >= 0 && file.Length != size) return;
            if (!sources.ContainsKey(sum)) sources[sum] = new List<string>();
            sources[sum].Add(path);
        }

        /// Beside the slots, so that it is on their disk.
        public static string Store(string app, string root) { return Path.Combine(Path.Combine(root, ".iis-canary"), app); }

        public static string Sum(string path)
        {
            using (var file = File.OpenRead(path))
            using (var sha = SHA256.Create())
                return BitConverter.ToString(sha.ComputeHash(file)).Replace("-", "").ToLowerInvariant();
        }
    }
}
