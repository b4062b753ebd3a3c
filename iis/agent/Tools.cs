namespace IisCanary
{
    using System;
    using System.Diagnostics;
    using System.IO;

    /// Programs that Windows has in the box, with streams of their own: ours carry the frames.
    static class Tool
    {
        const int limit = 30000;

        public static string System(string name) { return Demand(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.System), name)); }

        public static string AppCmd { get { return System(Path.Combine("inetsrv", "appcmd.exe")); } }

        static string Demand(string path)
        {
            if (!File.Exists(path)) throw new Hindered("there is no " + path);
            return path;
        }

        public static int Netsh(string arguments, out string said) { return Run(System("netsh.exe"), arguments, out said); }

        public static int Run(string path, string arguments, out string said)
        {
            var start = new ProcessStartInfo(path, arguments)
            {
                UseShellExecute = false, CreateNoWindow = true, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            using (var program = Process.Start(start))
            {
                program.StandardInput.Close();
                var output = program.StandardOutput.ReadToEndAsync();
                var errors = program.StandardError.ReadToEndAsync();
                if (!program.WaitForExit(limit))
                {
                    program.Kill();
                    throw new Hindered(path + " did not end in " + limit / 1000 + " s");
                }
                said = output.Result + errors.Result;
                return program.ExitCode;
            }
        }

        public static void ReleaseCertificate(string address)
        {
            Try(() => { string said; return Netsh("http delete sslcert ipport=" + address, out said); });
        }

        public static void CancelJob(string name)
        {
            Try(() => { string said; return Run(System("bitsadmin.exe"), "/rawreturn /cancel " + name, out said); });
        }

        /// Mostly there is nothing to take back, which these programs answer with an error.
        static void Try(Func<int> act)
        {
            try { act(); }
            catch (Hindered) { }
        }
    }
}
