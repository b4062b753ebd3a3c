namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// The experiments that need the throw-away site.
    static class Trials
    {
        /// Two managers read, both commit. Under the mutexes of the outer commit, so that nobody else is met.
        public static void FileChanged(Bench bench, Json seen)
        {
            bench.Make(null, (site, pool) => { });
            Exception met = null;
            var tried = false;
            Iis.Commit(iis =>
            {
                if (tried) return; // the outer commit has met ours: there is nothing left to do
                using (var late = new ServerManager())
                using (var early = new ServerManager())
                {
                    late.Sites[bench.Name].ServerAutoStart = true;
                    early.ApplicationPools[bench.Name].AutoStart = true;
                    early.CommitChanges();
                    tried = true;
                    try { late.CommitChanges(); }
                    catch (Exception e) { met = e; } // which one it is, is the question
                }
            });
            if (met == null) Tool.System(Path.Combine("inetsrv", @"config\applicationHost.config")); // without it there is nothing to conflict about
            seen["conflict"] = met != null;
            if (met == null) return;
            seen["type"] = met.GetType().Name;
            seen["file_load_exception"] = met is FileLoadException;
            seen["hresult"] = Experiments.Code(met);
        }

        public static void CertificateKept(Bench bench, Json seen)
        {
            var hash = Shared(bench, seen);
            Iis.Commit(iis =>
            {
                var sites = iis.GetApplicationHostConfiguration().GetSection("system.applicationHost/sites").GetCollection();
                sites.Remove(sites.First(e => (string)e.GetAttributeValue("name") == bench.TwinName));
            });
            seen["after_element"] = bench.HasCertificate(hash);
            bench.AddTwin(new byte[0]);
            string said;
            seen["appcmd_exit"] = Tool.Run(Tool.AppCmd, "delete site \"" + bench.TwinName + "\"", out said);
            seen["after_appcmd"] = bench.HasCertificate(hash);
        }

        public static void CertificateDropped(Bench bench, Json seen)
        {
            var hash = Shared(bench, seen);
            Iis.Commit(iis => iis.Sites.Remove(iis.Sites[bench.TwinName]));
            seen["after_object"] = bench.HasCertificate(hash);
        }

        /// Two sites share a port with a certificate.
        static byte[] Shared(Bench bench, Json seen)
        {
            var hash = Bench.Certificate();
            bench.Make(hash, (site, pool) => { });
            bench.AddTwin(new byte[0]);
            if (!bench.HasCertificate(hash)) throw new Hindered("http.sys did not take the certificate for the throw-away port");
            seen["before"] = true;
            return hash;
        }

        public static void BindingSameHash(Bench bench, Json seen)
        {
            var hash = Bench.Certificate();
            var began = DateTime.Now;
            bench.Make(hash, (site, pool) => { });
            var first = new List<int>();
            if (!Bench.Soon(5, () => (first = HttpEvents(began)).Count > 0)) throw new Hindered("http.sys notes no event when a certificate is set");
            bench.AddTwin(new byte[0]);
            Bench.Soon(3, () => HttpEvents(began).Count > first.Count);
            var more = HttpEvents(began).Skip(first.Count).ToList();
            seen["first_events"] = first;
            seen["more_events"] = more;
            seen["rewritten"] = more.Count > 0;
            seen["still_there"] = bench.HasCertificate(hash);
        }

        /// 15300: a certificate was taken off a port, 15301: one was set. Oldest first.
        static List<int> HttpEvents(DateTime since)
        {
            var found = new List<int>();
            using (var log = new EventLog("System"))
                for (var i = log.Entries.Count - 1; i >= 0 && log.Entries[i].TimeGenerated >= since.AddSeconds(-1); i--)
                {
                    var id = (int)(log.Entries[i].InstanceId & 0xFFFF);
                    if (Events.SourceOf(log.Entries[i]) == Events.HttpEvent && (id == 15300 || id == 15301)) found.Insert(0, id);
                }
            return found;
        }

        public static void BindingFlags(Bench bench, Json seen)
        {
            bench.Make(Bench.Certificate(), (site, pool) => { });
            using (var iis = new ServerManager())
            {
                var flags = iis.Sites[bench.Name].Bindings.First().GetAttributeValue("sslFlags");
                if (flags == null) throw new Hindered("this IIS does not tell sslFlags");
                seen["ssl_flags"] = Convert.ToInt64(flags);
            }
        }

        public static void PoolStart(Bench bench, Json seen)
        {
            bench.Make(null, (site, pool) => pool.SetAttributeValue("startMode", "AlwaysRunning"));
            bench.StartPool();
            seen["worker_while_site_stopped"] = Bench.Soon(5, () => bench.Workers().Count > 0);
            bench.StartSite();
            seen["worker"] = Bench.Soon(10, () => bench.Workers().Count > 0);
        }

        public static void PoolOnDemand(Bench bench, Json seen)
        {
            var appcmd = Tool.AppCmd;
            bench.Make(null, (site, pool) => pool.SetAttributeValue("startMode", "OnDemand"));
            bench.StartPool();
            bench.StartSite();
            seen["worker_before_request"] = bench.Workers().Count > 0;
            seen["after_request"] = Answers(bench, new List<int>());
            var before = bench.Workers();
            string said;
            seen["recycle_exit"] = Tool.Run(appcmd, "recycle apppool \"" + bench.Name + "\"", out said);
            seen["after_recycle"] = Answers(bench, before);
            before = bench.Workers();
            foreach (var pid in before)
                using (var worker = Process.GetProcessById(pid)) worker.Kill();
            seen["after_crash"] = Answers(bench, before);
        }

        /// Whether requests get an answer from a worker that is none of those before.
        static bool Answers(Bench bench, List<int> before)
        {
            return Bench.Soon(15, () =>
            {
                var status = bench.Ask("probe-" + Guid.NewGuid() + ".txt"); // there is no such file: 404 comes from the worker
                return status != 0 && status != 503 && bench.Workers().Except(before).Any();
            });
        }

        public static void FlagsNoRecycle(Bench bench, Json seen)
        {
            bench.Make(null, (site, pool) => pool.SetAttributeValue("startMode", "AlwaysRunning"));
            bench.StartPool();
            bench.StartSite();
            if (!Bench.Soon(10, () => bench.Workers().Count > 0)) throw new Hindered("the throw-away pool has no worker");
            var before = bench.Workers();
            foreach (var boot in new[] { true, false })
            {
                Iis.Commit(iis =>
                {
                    iis.Sites[bench.Name].ServerAutoStart = boot;
                    iis.ApplicationPools[bench.Name].AutoStart = boot;
                });
                Bench.Soon(3, () => !bench.Workers().SequenceEqual(before));
                seen[boot ? "same_worker_after_on" : "same_worker_after_off"] = bench.Workers().SequenceEqual(before);
            }
        }

        /// The application leaves a file behind when it begins to run.
        public static void PreloadSiteStopped(Bench bench, Json seen)
        {
            var began = Path.Combine(bench.Folder, "began.txt");
            Tool.System("netsh.exe"); // without Windows there is no ASP.NET either
            File.Delete(began);
            bench.Write("Global.asax", "<%@ Application Language=\"C#\" %><script runat=\"server\">void Application_Start(object o, EventArgs e) { " +
                "System.IO.File.WriteAllText(System.IO.Path.Combine(HttpRuntime.AppDomainAppPath, \"began.txt\"), \"x\"); }</script>");
            try
            {
                bench.Make(null, (site, pool) =>
                {
                    pool.SetAttributeValue("managedRuntimeVersion", "v4.0");
                    pool.SetAttributeValue("startMode", "AlwaysRunning");
                    site.Applications["/"].SetAttributeValue("preloadEnabled", true);
                });
                bench.StartPool();
                var ran = Bench.Soon(8, () => File.Exists(began));
                bench.StartSite();
                seen["ran_after_site_start"] = Bench.Soon(8, () => File.Exists(began));
                bench.Ask("began.aspx");
                if (!Bench.Soon(10, () => File.Exists(began))) throw new Hindered("ASP.NET does not run in the throw-away site");
                seen["ran_while_site_stopped"] = ran;
            }
            finally { File.Delete(Path.Combine(bench.Folder, "Global.asax")); }
        }

        public static void LogFlush(Bench bench, Json seen)
        {
            var asked = Logged(bench);
            seen["before_flush"] = Lines(bench).Any(l => l.Contains(asked));
            string said;
            seen["exit"] = Tool.Netsh("http flush logbuffer", out said);
            var clock = Stopwatch.StartNew();
            seen["after_flush"] = Bench.Soon(3, () => Lines(bench).Any(l => l.Contains(asked)));
            seen["flush_ms"] = clock.Elapsed.TotalMilliseconds;
        }

        public static void LogSiteName(Bench bench, Json seen)
        {
            var asked = Logged(bench);
            string said;
            Tool.Netsh("http flush logbuffer", out said);
            if (!Bench.Soon(70, () => Lines(bench).Any(l => l.Contains(asked)))) throw new Hindered("no line of the request is in the access log");
            var fields = Lines(bench).Last(l => l.StartsWith("#Fields: ")).Substring("#Fields: ".Length).Split(' ').ToList();
            var values = Lines(bench).Last(l => l.Contains(asked)).Split(' ');
            var at = fields.IndexOf("s-sitename");
            var value = at < 0 || at >= values.Length ? "" : values[at];
            seen["field"] = value == "" ? "absent" : value == bench.Name ? "the site's name" : value.StartsWith("W3SVC") ? "W3SVC and the id" : "something else";
        }

        /// A running site whose access log is in its own folder, and the path of a request that it was asked.
        static string Logged(Bench bench)
        {
            Tool.System("netsh.exe");
            bench.Make(null, (site, pool) =>
            {
                site.LogFile.SetAttributeValue("directory", Path.Combine(bench.Folder, "logs"));
                site.LogFile.LogExtFileFlags = site.LogFile.LogExtFileFlags | LogExtFileFlags.SiteName;
                site.LogFile.SetAttributeValue("logSiteId", false);
            });
            Directory.CreateDirectory(Path.Combine(bench.Folder, "logs"));
            bench.StartPool();
            bench.StartSite();
            var asked = "line-" + Guid.NewGuid().ToString("N");
            if (bench.Ask(asked) == 0) throw new Hindered("the throw-away site does not answer");
            return asked;
        }

        static List<string> Lines(Bench bench)
        {
            var lines = new List<string>();
            foreach (var folder in Directory.GetDirectories(Path.Combine(bench.Folder, "logs")))
                foreach (var path in Directory.GetFiles(folder, "*.log"))
                    using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)) // http.sys has it open
                    using (var reader = new StreamReader(file))
                        for (string line; (line = reader.ReadLine()) != null; ) lines.Add(line);
            return lines;
        }
    }
}
