namespace IisCanary
{
    using System;
    using System.ComponentModel;
    using System.Linq;
    using System.Net;
    using System.Runtime.InteropServices;
    using System.Text.RegularExpressions;

    /// The proxy of the machine, as netsh winhttp shows it. What .NET calls the default one is the account's, and accounts of services mostly
    /// have none.
    sealed class MachineProxy : IWebProxy
    {
        readonly Uri server; // null: none for https
        readonly string[] bypass;

        /// servers are addresses, or scheme=address; bypass are hosts with stars, or <local>. Both are lists with semicolons or blanks.
        public MachineProxy(string servers, string bypass)
        {
            this.bypass = List(bypass);
            var all = List(servers);
            var https = all.FirstOrDefault(s => s.StartsWith("https=", StringComparison.OrdinalIgnoreCase));
            server = At(https == null ? all.FirstOrDefault(s => !s.Contains('=')) : https.Substring("https=".Length));
        }

        public static MachineProxy Read()
        {
            string servers, bypass;
            Winhttp.DefaultProxy(out servers, out bypass);
            return new MachineProxy(servers, bypass);
        }

        public ICredentials Credentials { get; set; }
        public Uri GetProxy(Uri to) { return IsBypassed(to) ? to : server; }
        public bool IsBypassed(Uri to) { return server == null || bypass.Any(b => Spares(b, to.Host)); }

        static bool Spares(string rule, string host)
        {
            if (rule == "<local>") return !host.Contains('.');
            return Regex.IsMatch(host, "^" + Regex.Escape(rule).Replace("\\*", ".*") + "$", RegexOptions.IgnoreCase);
        }

        static Uri At(string address)
        {
            Uri at;
            if (address == null) return null;
            if (!address.Contains("://")) address = "http://" + address;
            return Uri.TryCreate(address, UriKind.Absolute, out at) && at.Scheme == "http" ? at : null;
        }

        static string[] List(string text) { return text.Split(new[] { ';', ' ', '\t', '\r', '\n' }, StringSplitOptions.RemoveEmptyEntries); }
    }

#if !STANDIN
    /// winhttp.dll, which services of Windows fetch with.
    static class Winhttp
    {
        const uint namedProxy = 3;

        /// WINHTTP_PROXY_INFO
        [StructLayout(LayoutKind.Sequential)]
        struct Info
        {
            public uint AccessType;
            public IntPtr Proxy, Bypass;
        }

        [DllImport("winhttp.dll", ExactSpelling = true, SetLastError = true)]
        [return: MarshalAs(UnmanagedType.Bool)]
        static extern bool WinHttpGetDefaultProxyConfiguration(out Info info);

        [DllImport("kernel32.dll", ExactSpelling = true)]
        static extern IntPtr GlobalFree(IntPtr memory);

        /// Both are empty where no proxy is set.
        public static void DefaultProxy(out string servers, out string bypass)
        {
            Info info;
            if (!WinHttpGetDefaultProxyConfiguration(out info))
                throw new Refused("pull_failed", "the machine's proxy cannot be read: " + new Win32Exception(Marshal.GetLastWin32Error()).Message) { Hint = "look at: netsh winhttp show proxy" };
            servers = Take(info.Proxy);
            bypass = Take(info.Bypass);
            if (info.AccessType != namedProxy) servers = "";
        }

        static string Take(IntPtr text)
        {
            if (text == IntPtr.Zero) return "";
            try { return Marshal.PtrToStringUni(text); }
            finally { GlobalFree(text); }
        }
    }
#endif
}
