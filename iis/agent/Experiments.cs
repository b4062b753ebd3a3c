namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Runtime.InteropServices;
    using System.Security.Cryptography;
    using System.Text.RegularExpressions;
    using System.Threading;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Questions about Windows that only Windows can answer, each tried on a throw-away site. An experiment tells what it saw; whether that
    /// was expected is for the program to say. Each bounds its waits, and none needs another.
    static class Experiments
    {
        static readonly Dictionary<string, Action<Bench, Json>> trials = new Dictionary<string, Action<Bench, Json>>
        {
            { "file-changed", Trials.FileChanged }, { "certificate-kept", Trials.CertificateKept }, { "certificate-dropped", Trials.CertificateDropped },
            { "binding-same-hash", Trials.BindingSameHash }, { "binding-flags", Trials.BindingFlags }, { "pool-start", Trials.PoolStart },
            { "pool-on-demand", Trials.PoolOnDemand }, { "flags-no-recycle", Trials.FlagsNoRecycle }, { "preload-site-stopped", Trials.PreloadSiteStopped },
            { "log-flush", Trials.LogFlush }, { "log-site-name", Trials.LogSiteName }, { "startup-times", StartupTimes }, { "token", Token },
            { "components", Components }, { "bits", Bits },
        };

        public static object Do(Request request)
        {
            var name = request.Value("name");
            if (name == "clean") return Bench.Clean(request.Root);
            if (name == "echo") return Told(Echo(request.Blob), "", TimeSpan.Zero);
            Action<Bench, Json> trial;
            if (!trials.TryGetValue(name, out trial)) throw new Refused("bad_request", "there is no experiment " + name);
            var bench = new Bench(request.Root, request.Value("id"));
            var seen = new Json();
            var hindrance = "";
            var clock = Stopwatch.StartNew();
            try { trial(bench, seen); }
            catch (Hindered e) { hindrance = e.Message; }
            catch (Exception e) // whatever one meets must not keep the others from being tried
            {
                while (e.InnerException != null) e = e.InnerException;
                hindrance = "it failed: " + e.GetType().Name + ", HRESULT " + Code(e) + ": " + e.Message;
            }
            return Told(seen, hindrance, clock.Elapsed);
        }

        static Json Told(Json seen, string hindrance, TimeSpan took)
        {
            return new Json { { "observed", seen }, { "hindrance", hindrance }, { "ms", took.TotalMilliseconds } };
        }

        public static string Code(Exception e) { return "0x" + Marshal.GetHRForException(e).ToString("X8"); }

        static Json Echo(byte[] blob)
        {
            using (var sha = SHA256.Create())
                return new Json { { "bytes", blob.Length }, { "sha256", BitConverter.ToString(sha.ComputeHash(blob)).Replace("-", "").ToLowerInvariant() } };
        }

        static void StartupTimes(Bench bench, Json seen)
        {
            seen["manager_ms"] = Timed(() =>
            {
                using (var iis = new ServerManager()) return iis.Sites.Count;
            });
            var library = Tool.System(Path.Combine("inetsrv", "Microsoft.Web.Administration.dll"));
            var script = "Add-Type -LiteralPath '" + library + "'; (New-Object Microsoft.Web.Administration.ServerManager).Sites.Count";
            string said;
            var code = -1;
            seen["powershell_ms"] = Timed(() => code = Tool.Run(Tool.System(@"WindowsPowerShell\v1.0\powershell.exe"), "-NoProfile -NonInteractive -Command \"" + script + "\"", out said));
            seen["powershell_exit"] = code;
            seen["appcmd_ms"] = Timed(() => code = Tool.Run(Tool.AppCmd, "list site", out said));
            seen["appcmd_exit"] = code;
        }

        static double Timed(Func<int> act)
        {
            var clock = Stopwatch.StartNew();
            act();
            return clock.Elapsed.TotalMilliseconds;
        }

        static void Token(Bench bench, Json seen)
        {
            seen["compiled"] = true; // otherwise this code would not run
            var file = System.IO.Path.Combine(System.IO.Path.GetTempPath(), bench.Name + ".tmp");
            try
            {
                System.IO.File.WriteAllText(file, "x");
                System.IO.File.Delete(file);
                seen["temp_writable"] = true;
            }
            catch (UnauthorizedAccessException) { seen["temp_writable"] = false; }
            catch (IOException) { seen["temp_writable"] = false; }
            try
            {
                using (new Mutex(false, @"Global\" + bench.Name)) seen["global_mutex"] = true;
            }
            catch (UnauthorizedAccessException) { seen["global_mutex"] = false; }
        }

        static void Components(Bench bench, Json seen)
        {
            Tool.System("cmd.exe"); // without it this is no Windows, and nothing below means anything
            var library = typeof(ServerManager).Assembly.GetName().Version;
            seen["library"] = library.Major + "." + library.Minor;
            foreach (var program in new[] { @"inetsrv\appcmd.exe", "netsh.exe", "icacls.exe", @"WindowsPowerShell\v1.0\powershell.exe" })
                seen[Path.GetFileNameWithoutExtension(program)] = Is(program);
        }

        static bool Is(string program)
        {
            try { return Tool.System(program) != ""; }
            catch (Hindered) { return false; }
        }

        static void Bits(Bench bench, Json seen)
        {
            string said;
            var code = Tool.Run(Tool.System("bitsadmin.exe"), "/rawreturn /create " + bench.Name, out said);
            seen["created"] = code == 0;
            var why = Regex.Match(said, "0x[0-9A-Fa-f]{8}");
            if (why.Success) seen["hresult"] = "0x" + why.Value.Substring(2).ToUpperInvariant();
            if (code == 0) Tool.CancelJob(bench.Name);
        }
    }
}
