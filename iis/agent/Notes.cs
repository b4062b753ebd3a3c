namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Text;
    using System.Text.RegularExpressions;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// The shards of runs: lines about this server, one file for each run.
    static class Notes
    {
        const int Most = 20;
        static readonly Regex name = new Regex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$");

        public static object Append(Request request)
        {
            var lines = request.Texts("lines");
            if (lines.Any(l => l.IndexOfAny(new[] { '\r', '\n' }) >= 0)) throw new Refused("bad_request", "a line has a line break in it");
            var path = FileOf(request.App, request.Value("run"));
            var bytes = Encoding.UTF8.GetBytes(string.Concat(lines.Select(l => l + "\n").ToArray()));
            using (var file = Data.Exclusive(path))
            {
                file.SetLength(Whole(file));
                file.Position = file.Length;
                file.Write(bytes, 0, bytes.Length);
                file.Flush(true);
            }
            return new Json { { "count", Lines(path).Length } };
        }

        /// Where the last whole line ends. What a power failure tore behind it was never noted.
        static long Whole(Stream file)
        {
            for (var at = file.Length; at > 0; at--)
            {
                file.Position = at - 1;
                if (file.ReadByte() == '\n') return at;
            }
            return 0;
        }

        public static object Read(Request request)
        {
            var run = request.Value("run");
            var files = run == "" ? Files(request.App).Take(Most) : new[] { FileOf(request.App, run) }.Where(File.Exists);
            return new Json
            {
                { "runs", files.Select(f => new Json { { "run", Path.GetFileNameWithoutExtension(f) }, { "lines", Lines(f) } }).ToList() },
            };
        }

        public static List<string> Runs(string app) { return Files(app).Select(Path.GetFileNameWithoutExtension).ToList(); }

        /// When each run wrote last.
        public static IEnumerable<Json> Times(string app)
        {
            return Files(app).Select(f => new Json { { "run", Path.GetFileNameWithoutExtension(f) }, { "written", Text.Time(File.GetLastWriteTimeUtc(f)) } });
        }

        static IEnumerable<string> Files(string app)
        {
            return Directory.GetFiles(Data.Folder(app, "runs"), "*.jsonl").OrderByDescending(f => File.GetLastWriteTimeUtc(f));
        }

        static string FileOf(string app, string run)
        {
            if (!name.IsMatch(run)) throw new Refused("bad_request", "run " + run + " is no name of a file");
            return Path.Combine(Data.Folder(app, "runs"), run + ".jsonl");
        }

        static string[] Lines(string path)
        {
            var text = File.ReadAllText(path, Encoding.UTF8);
            return text.Split(new[] { '\n' }, StringSplitOptions.RemoveEmptyEntries);
        }
    }
}
