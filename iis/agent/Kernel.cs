namespace IisCanary
{
    using System;
    using System.Text.RegularExpressions;

    /// The certificates of http.sys, by netsh: what sites know of them is not all that is there, and a typed binding that is added or
    /// removed has IIS' library write an entry again, or take it away, which other sites of the port live on.
    static class Kernel
    {
        const string Application = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"; // IIS itself
        static readonly Regex thumbprint = new Regex("(?<![0-9A-Fa-f])[0-9A-Fa-f]{40}(?![0-9A-Fa-f])");

        /// The thumbprint on a port such as *:443:, empty where there is none.
        public static string On(string port) { return Show("ipport=" + Address(port)); }

        /// The thumbprint for a server name, empty where there is none of its own.
        public static string Named(string host, int port) { return Show("hostnameport=" + host + ":" + port); }

        /// What netsh said where it failed; null: the certificate is there.
        public static string Add(string port, string hash, string store)
        {
            string said;
            var code = Programs.Try("netsh.exe", "http add sslcert ipport=" + Address(port) + " certhash=" + hash + " appid=" + Application + " certstorename=" + store, out said);
            return code == 0 ? null : said.Trim();
        }

        static string Address(string port) { return port.Replace("*:", "0.0.0.0:").TrimEnd(':'); }

        /// Only the digits of what is said are the same in every language.
        static string Show(string key)
        {
            string said;
            return Programs.Try("netsh.exe", "http show sslcert " + key, out said) == 0 ? thumbprint.Match(said).Value.ToUpperInvariant() : "";
        }
    }
}
