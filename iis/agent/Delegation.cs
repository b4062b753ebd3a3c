namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// What applicationHost.config lets a web.config say. Read only.
    static class Delegation
    {
        const string WebServer = "system.webServer";

        public static object Sections(Request request)
        {
            var found = new List<Json>();
            using (var iis = new ServerManager())
            {
                var configuration = iis.GetApplicationHostConfiguration();
                var group = configuration.GetEffectiveSectionGroup().SectionGroups.FirstOrDefault(g => g.Name == WebServer);
                if (group != null) Collect(configuration, group, WebServer, found);
                return new Json { { "sections", found.OrderBy(s => (string)s["name"], StringComparer.Ordinal).ToList() } };
            }
        }

        static void Collect(Configuration configuration, SectionGroup group, string path, List<Json> found)
        {
            foreach (SectionDefinition section in group.Sections)
                found.Add(new Json { { "name", path + "/" + section.Name }, { "locked", Locked(configuration, section, path + "/" + section.Name) } });
            foreach (SectionGroup inner in group.SectionGroups) Collect(configuration, inner, path + "/" + inner.Name, found);
        }

        /// What cannot be read is not said to be locked: that it cannot be read is said elsewhere.
        static bool Locked(Configuration configuration, SectionDefinition section, string name)
        {
            if (section.AllowDefinition == "AppHostOnly" || section.AllowDefinition == "MachineOnly") return true;
            try { return configuration.GetSection(name).OverrideModeEffective == OverrideMode.Deny; }
            catch (COMException) { return false; }
            catch (IOException) { return false; }
            catch (UnauthorizedAccessException) { return false; }
        }
    }
}
