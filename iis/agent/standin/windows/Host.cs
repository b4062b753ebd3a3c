// Processes, services, registry, event log, account and certificates of the simulated server, and a clock for pauses that may run
// faster. These names hide those of the framework in the agent's own namespace.
namespace IisCanary
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Globalization;
    using System.IO;
    using System.Linq;
    using System.Security.Cryptography;
    using System.Security.Cryptography.X509Certificates;
    using System.Text;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    static class Thread
    {
        public static void Sleep(int milliseconds) { Sleep(TimeSpan.FromMilliseconds(milliseconds)); }
        public static void Sleep(TimeSpan time) { System.Threading.Thread.Sleep(TimeSpan.FromTicks((long)(time.Ticks / StandIn.World.Speed))); }
    }

    sealed class Stopwatch
    {
        readonly System.Diagnostics.Stopwatch real = System.Diagnostics.Stopwatch.StartNew();
        public static Stopwatch StartNew() { return new Stopwatch(); }
        public TimeSpan Elapsed { get { return TimeSpan.FromTicks((long)(real.Elapsed.Ticks * StandIn.World.Speed)); } }
        public void Restart() { real.Restart(); }
    }

    /// This machine has many servers on addresses of their own: what one of them calls 127.0.0.1 is its own. Whom a server trusts elsewhere,
    /// its store of roots says.
    static class WebRequest
    {
        public static System.Net.WebRequest Create(Uri address)
        {
            if (address.Host == "127.0.0.1")
            {
                var own = (string)StandIn.World.Ask("machine", new Json())["address"];
                return System.Net.WebRequest.Create(new UriBuilder(address) { Host = own }.Uri);
            }
            var http = (System.Net.HttpWebRequest)System.Net.WebRequest.Create(address);
            http.ServerCertificateValidationCallback = (sender, certificate, chain, errors) => (bool)StandIn.World.Ask("trust",
                new Json { { "raw", Convert.ToBase64String(certificate.GetRawCertData()) }, { "name", address.Host } })["trusted"];
            return http;
        }
    }

    /// What stands for winhttp.dll.
    static class Winhttp
    {
        public static void DefaultProxy(out string servers, out string bypass)
        {
            var machine = StandIn.World.Ask("machine", new Json());
            servers = (string)machine["proxy"];
            bypass = (string)machine["bypass"];
        }
    }

    /// What stands for wintrust.dll.
    static class Wintrust
    {
        public static int Verify(string path) { return Convert.ToInt32(Signature(path)["hresult"]); }

        public static Signer Signer(string path)
        {
            var told = Signature(path);
            return new Signer { Subject = (string)told["subject"], Name = (string)told["name"], Thumbprint = (string)told["thumbprint"] };
        }

        static Json Signature(string path) { return StandIn.World.Ask("signature", new Json { { "path", path } }); }
    }

    static class Environment
    {
        public enum SpecialFolder { CommonApplicationData, ProgramFiles, System }

        public sealed class Version
        {
            public string VersionString { get { return "Microsoft Windows NT 10.0.20348.0"; } }
            public PlatformID Platform { get { return PlatformID.Unix; } } // no access lists below
        }

        public static Version OSVersion { get { return new Version(); } }
        public static bool Is64BitProcess { get { return Convert.ToInt32(StandIn.World.Ask("machine", new Json())["bits"]) == 64; } }
        public static bool Is64BitOperatingSystem { get { return true; } }
        public static string MachineName { get { return (string)StandIn.World.Ask("machine", new Json())["name"]; } }
        public static string ExpandEnvironmentVariables(string text) { return text.Replace("%SystemDrive%", "C:"); }

        public static string GetFolderPath(SpecialFolder which)
        {
            return which == SpecialFolder.System ? @"C:\Windows\System32" : which == SpecialFolder.ProgramFiles ? @"C:\Program Files" : @"C:\ProgramData";
        }
    }

    sealed class ProcessStartInfo
    {
        public readonly string FileName, Arguments;
        public bool UseShellExecute, CreateNoWindow, RedirectStandardInput, RedirectStandardOutput, RedirectStandardError;
        public ProcessStartInfo(string name, string arguments) { FileName = name; Arguments = arguments; }
    }

    sealed class Process : IDisposable
    {
        readonly Json told;
        Process(Json told) { this.told = told; }

        public static Process GetProcessById(int pid) { return new Process(StandIn.World.Ask("process", new Json { { "pid", pid } })); }

        public static Process Start(ProcessStartInfo how)
        {
            if (how.UseShellExecute || !how.RedirectStandardInput || !how.RedirectStandardOutput || !how.RedirectStandardError)
                throw new InvalidOperationException(how.FileName + " would share the streams that carry the frames");
            return new Process(StandIn.World.Ask("run", new Json { { "file", how.FileName }, { "arguments", how.Arguments } }));
        }

        public static Process[] GetProcessesByName(string name)
        {
            return ((ArrayList)StandIn.World.Ask("processes", new Json { { "name", name } })["all"]).Cast<Json>().Select(p => new Process(p)).ToArray();
        }

        public int Id { get { return Convert.ToInt32(told["pid"]); } }
        public string ProcessName { get { return (string)told["name"]; } }
        public DateTime StartTime { get { return DateTime.Parse((string)told["started"], CultureInfo.InvariantCulture); } }
        public int ExitCode { get { return Convert.ToInt32(told["exit"]); } }
        public StreamWriter StandardInput { get { return new StreamWriter(Stream.Null); } }
        public StreamReader StandardOutput { get { return Reader((string)told["out"]); } }
        public StreamReader StandardError { get { return Reader(""); } }
        public bool WaitForExit(int milliseconds) { return Convert.ToInt32(told["ms"]) <= milliseconds; }
        public void Kill() { }
        public void Dispose() { }

        static StreamReader Reader(string text) { return new StreamReader(new MemoryStream(Encoding.UTF8.GetBytes(text))); }
    }

    enum EventLogEntryType { Error = 1, Warning = 2, Information = 4 }

    sealed class EventLogEntry
    {
        public DateTime TimeGenerated;
        public EventLogEntryType EntryType;
        public string Source, Message;
        public long InstanceId;
    }

    sealed class EventLog : IDisposable
    {
        public readonly List<EventLogEntry> Entries = new List<EventLogEntry>();

        public EventLog(string name)
        {
            foreach (Json e in (ArrayList)StandIn.World.Ask("events", new Json { { "log", name } })["entries"])
                Entries.Add(new EventLogEntry
                {
                    TimeGenerated = DateTime.Parse((string)e["time"], CultureInfo.InvariantCulture), Source = (string)e["source"],
                    Message = (string)e["text"], InstanceId = Convert.ToInt64(e["id"]),
                    EntryType = (EventLogEntryType)Enum.Parse(typeof(EventLogEntryType), (string)e["kind"]),
                });
        }

        public void Dispose() { }
    }

    sealed class PerformanceCounter : IDisposable
    {
        readonly Json told;

        public PerformanceCounter(string category, string name, string instance, bool readOnly)
        {
            told = StandIn.World.Ask("counter", new Json { { "part", category }, { "what", name }, { "name", instance } });
        }

        public float NextValue() { return Convert.ToSingle(told["value"]); }
        public void Dispose() { }
    }

    sealed class RegistryKey : IDisposable
    {
        readonly Json values;
        public RegistryKey(Json values) { this.values = values; }

        public RegistryKey OpenSubKey(string path)
        {
            var found = StandIn.World.Ask("registry", new Json { { "key", path } })["values"] as Json;
            return found == null ? null : new RegistryKey(found);
        }

        public object GetValue(string name) { return values.ContainsKey(name) ? values[name] : null; }
        public void Dispose() { }
    }

    static class Registry
    {
        public static readonly RegistryKey LocalMachine = new RegistryKey(null);
    }

    sealed class WindowsIdentity
    {
        public static WindowsIdentity GetCurrent() { return new WindowsIdentity(); }
        public string Name { get { return (string)StandIn.World.Ask("machine", new Json())["account"]; } }
    }

    enum WindowsBuiltInRole { Administrator }

    sealed class WindowsPrincipal
    {
        public WindowsPrincipal(WindowsIdentity who) { }
        public bool IsInRole(WindowsBuiltInRole role) { return (bool)StandIn.World.Ask("machine", new Json())["elevated"]; }
    }

    sealed class X509Certificate2
    {
        readonly System.Security.Cryptography.X509Certificates.X509Certificate2 real;
        readonly Json told;

        public X509Certificate2(Json told)
        {
            this.told = told;
            real = new System.Security.Cryptography.X509Certificates.X509Certificate2(Convert.FromBase64String((string)told["raw"]));
        }

        public string Subject { get { return real.Subject; } }
        public string Thumbprint { get { return real.Thumbprint; } }
        public DateTime NotBefore { get { return real.NotBefore; } }
        public DateTime NotAfter { get { return real.NotAfter; } }
        public byte[] GetCertHash() { return real.GetCertHash(); }
        public X509ExtensionCollection Extensions { get { return real.Extensions; } }
        public string GetNameInfo(X509NameType kind, bool issuer) { return real.GetNameInfo(kind, issuer); }
        public bool HasPrivateKey { get { return true; } }

        public AsymmetricAlgorithm PrivateKey
        {
            get
            {
                var code = Convert.ToInt32(told["key"]);
                if (code != 0) throw new CryptographicException(code);
                return RSA.Create();
            }
        }
    }

    sealed class X509Store
    {
        List<X509Certificate2> found = new List<X509Certificate2>();
        public X509Store(StoreName name, StoreLocation location) { }
        public IEnumerable Certificates { get { return found; } }

        public void Open(OpenFlags how)
        {
            found = ((ArrayList)StandIn.World.Ask("certificates", new Json())["all"]).Cast<Json>().Select(c => new X509Certificate2(c)).ToList();
        }

        public void Close() { }
    }
}
