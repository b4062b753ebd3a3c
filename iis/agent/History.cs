namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Who has been at work here: when the configuration of IIS was written last, the copies that IIS keeps of it, the programs that are
    /// known to write it and run now, and the runs that left notes.
    static class History
    {
        const int most = 5;
        static readonly string[] writers = { "Calamari", "InetMgr", "appcmd", "msdeploy", "wacs", "puppet", "chef-client" };

        public static object Read(Request request)
        {
            return new Json
            {
                { "written", Written() }, { "versions", Versions().Take(most).ToList() }, { "programs", Programs() },
                { "runs", Notes.Times(request.App).Take(most).ToList() },
            };
        }

        /// The last commit of anybody in words, to stand behind a sentence; empty where nothing is known.
        public static string Last()
        {
            var written = Written();
            var text = written == "" ? "" : "; applicationHost.config was last written at " + written;
            var copy = Versions().FirstOrDefault();
            if (text != "" && copy != null) text += ", the newest copy is " + copy["name"];
            foreach (var program in Programs()) text += "; " + program["name"] + " runs here, process " + program["pid"];
            return text;
        }

        static string Written()
        {
            var path = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.System), @"inetsrv\config\applicationHost.config");
            try { return File.Exists(path) ? Text.Time(File.GetLastWriteTimeUtc(path)) : ""; }
            catch (IOException) { return ""; }
            catch (UnauthorizedAccessException) { return ""; }
        }

        /// Newest first: their numbers only grow.
        static List<Json> Versions()
        {
            var folder = Environment.ExpandEnvironmentVariables(@"%SystemDrive%\inetpub\history");
            try
            {
                if (!Directory.Exists(folder)) return new List<Json>();
                return Directory.GetDirectories(folder, "CFGHISTORY_*").OrderByDescending(f => f, StringComparer.Ordinal)
                    .Select(f => new Json { { "name", Path.GetFileName(f) }, { "written", Text.Time(File.GetLastWriteTimeUtc(Path.Combine(f, "applicationHost.config"))) } }).ToList();
            }
            catch (IOException) { return new List<Json>(); }
            catch (UnauthorizedAccessException) { return new List<Json>(); }
        }

        static List<Json> Programs()
        {
            return writers.SelectMany(name => Process.GetProcessesByName(name)).Select(p => new Json { { "name", p.ProcessName }, { "pid", p.Id } }).ToList();
        }
    }
}
