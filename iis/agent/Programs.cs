namespace IisCanary
{
    using System;
    using System.Diagnostics;

    /// Programs that come with Windows. Their streams are their own, because ours carry the frames, and no secret is ever an argument.
    static class Programs
    {
        static readonly TimeSpan usual = TimeSpan.FromSeconds(30);

        /// What the program wrote. That it fails is a refusal with what it wrote.
        public static string Run(string name, string arguments)
        {
            string said;
            var code = Try(name, arguments, usual, out said);
            if (code != 0) throw new Refused("internal", name + " " + arguments + " ended with " + code + ": " + said.Trim());
            return said;
        }

        public static int Try(string name, string arguments, out string said) { return Try(name, arguments, usual, out said); }

        /// The program's exit code, and what it wrote.
        public static int Try(string name, string arguments, TimeSpan limit, out string said)
        {
            var start = new ProcessStartInfo(name, arguments)
            {
                UseShellExecute = false, CreateNoWindow = true, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            using (var program = Process.Start(start))
            {
                program.StandardInput.Close();
                var output = program.StandardOutput.ReadToEndAsync();
                var errors = program.StandardError.ReadToEndAsync();
                if (!program.WaitForExit((int)limit.TotalMilliseconds))
                {
                    program.Kill();
                    throw new Refused("busy", name + " " + arguments + " did not end in " + limit.TotalSeconds + " s");
                }
                said = output.Result + errors.Result;
                return program.ExitCode;
            }
        }
    }
}
