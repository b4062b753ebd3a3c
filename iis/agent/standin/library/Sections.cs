// What applicationHost.config declares, of the stand-in for Microsoft.Web.Administration.
using System;
using System.Collections.Generic;
using System.Linq;

namespace Microsoft.Web.Administration
{
    public enum OverrideMode { Unknown, Inherit, Allow, Deny }

    public sealed class SectionDefinition
    {
        internal SectionDefinition(string name) { Name = name; }
        public string Name { get; private set; }
        public string AllowDefinition { get { return "MachineToApplication"; } }
    }

    public sealed class SectionGroup
    {
        readonly List<SectionGroup> groups = new List<SectionGroup>();
        readonly List<SectionDefinition> sections = new List<SectionDefinition>();

        internal SectionGroup(string name) { Name = name; }
        public string Name { get; private set; }
        public IEnumerable<SectionGroup> SectionGroups { get { return groups; } }
        public IEnumerable<SectionDefinition> Sections { get { return sections; } }

        internal void Take(IEnumerable<string> path)
        {
            var name = path.First();
            var rest = path.Skip(1).ToList();
            if (rest.Count == 0)
            {
                sections.Add(new SectionDefinition(name));
                return;
            }
            var group = groups.FirstOrDefault(g => g.Name == name);
            if (group == null) groups.Add(group = new SectionGroup(name));
            group.Take(rest);
        }
    }
}
