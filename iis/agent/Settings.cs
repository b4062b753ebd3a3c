namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Globalization;
    using System.Linq;
    using System.Security.Cryptography;
    using System.Text;
    using Microsoft.Web.Administration;

    /// One setting of a pool, by its path in applicationHost.config. IIS tells an enumeration as a number.
    sealed class Setting
    {
        readonly string path, wanted;
        readonly int number;

        Setting(string path, string wanted, int number = -1)
        {
            this.path = path;
            this.wanted = wanted;
            this.number = number;
        }

        /// Everything that matters is set, whatever this server's defaults are.
        public static List<Setting> All(string runtime)
        {
            return new List<Setting>
            {
                new Setting("enable32BitAppOnWin64", "false"), new Setting("failure.loadBalancerCapabilities", "HttpLevel", 2), // 503 for the balancer to see
                new Setting("failure.rapidFailProtection", "true"), new Setting("managedPipelineMode", "Integrated", 0),
                new Setting("managedRuntimeVersion", runtime == "none" ? "" : runtime), new Setting("processModel.identityType", "ApplicationPoolIdentity", 4),
                new Setting("processModel.idleTimeout", "00:00:00"), new Setting("processModel.loadUserProfile", "true"),
                new Setting("recycling.periodicRestart.time", "00:00:00"), new Setting("startMode", "AlwaysRunning", 1),
            };
        }

        public void Apply(ApplicationPool pool) { Owner(pool).SetAttributeValue(Name, Value()); }

        /// Null where the pool has it as it was set.
        public string Difference(ApplicationPool pool)
        {
            var value = Owner(pool).GetAttributeValue(Name);
            var text = value is bool ? ((bool)value ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture);
            if (text == wanted || text == number.ToString(CultureInfo.InvariantCulture)) return null;
            return path + " is " + text + ", not " + wanted + " as it was set: another tool may enforce it";
        }

        string Name { get { return path.Substring(path.LastIndexOf('.') + 1); } }

        ConfigurationElement Owner(ApplicationPool pool)
        {
            ConfigurationElement at = pool;
            foreach (var step in path.Split('.').Reverse().Skip(1).Reverse()) at = at.GetChildElement(step);
            return at;
        }

        object Value()
        {
            bool flag;
            TimeSpan time;
            if (bool.TryParse(wanted, out flag)) return flag;
            return wanted.Contains(":") && TimeSpan.TryParse(wanted, CultureInfo.InvariantCulture, out time) ? (object)time : wanted;
        }
    }

    /// Read rights of a pool's own account on its folder. The account's SID follows from the pool's name, so it can be named before the
    /// pool exists and whatever the system's language is.
    static class Rights
    {
        static readonly TimeSpan many = TimeSpan.FromMinutes(8); // icacls visits each file that is there, up to 100,000

        /// On an empty folder it takes no time: what is made in it later inherits.
        public static void Grant(string folder, string pool)
        {
            string said;
            var code = Programs.Try("icacls.exe", "\"" + folder + "\" /grant *" + Sid(pool) + ":(OI)(CI)RX /Q", many, out said);
            if (code != 0) throw new Refused("internal", "icacls.exe ended with " + code + " for " + folder + ": " + said.Trim());
        }

        /// S-1-5-82- and the SHA-1 of the name in lower case, UTF-16LE, as five numbers of 32 bits, little-endian.
        static string Sid(string pool)
        {
            using (var sha = SHA1.Create())
            {
                var hash = sha.ComputeHash(Encoding.Unicode.GetBytes(pool.ToLowerInvariant()));
                return "S-1-5-82-" + string.Join("-", Enumerable.Range(0, 5).Select(i => BitConverter.ToUInt32(hash, 4 * i).ToString()).ToArray());
            }
        }
    }
}
