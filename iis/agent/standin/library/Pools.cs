// Pools and their workers, of the stand-in for Microsoft.Web.Administration.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using StandIn;
using Json = System.Collections.Generic.Dictionary<string, object>;

namespace Microsoft.Web.Administration
{
    public class Request : ConfigurationElement { }

    public class RequestCollection : ConfigurationElementCollectionBase<Request> { }

    public class WorkerProcess : ConfigurationElement
    {
        public int ProcessId { get; internal set; }
        public WorkerProcessState State { get { return WorkerProcessState.Running; } }

        public RequestCollection GetRequests(int milliseconds)
        {
            var all = new RequestCollection();
            var count = Convert.ToInt32(World.Ask("requests", new Json { { "pid", ProcessId } })["count"]);
            for (var i = 0; i < count; i++) all.items.Add(new Request());
            return all;
        }
    }

    public class WorkerProcessCollection : ConfigurationElementCollectionBase<WorkerProcess> { }

    /// A setting is what was set, or what its schema says.
    public class ApplicationPool : ConfigurationElement
    {
        static readonly Dictionary<string, object> schema = new Dictionary<string, object>
        {
            { "managedRuntimeVersion", "v4.0" }, { "managedPipelineMode", "Integrated" }, { "enable32BitAppOnWin64", false }, { "startMode", "OnDemand" },
            { "processModel.identityType", "ApplicationPoolIdentity" }, { "processModel.idleTimeout", "00:20:00" }, { "processModel.loadUserProfile", false },
            { "recycling.periodicRestart.time", "1.05:00:00" }, { "failure.loadBalancerCapabilities", "HttpLevel" }, { "failure.rapidFailProtection", true },
        };

        readonly Runtime runtime;

        internal ApplicationPool(string name)
        {
            Name = name;
            AutoStart = true;
            runtime = new Runtime("pool", name);
            foreach (var s in schema) Load(s.Key, s.Value);
        }

        public string Name { get; private set; }
        public bool AutoStart { get; set; }
        public ObjectState State { get { return runtime.State; } }
        public ObjectState Start() { return runtime.Act("start"); }
        public ObjectState Stop() { return runtime.Act("stop"); }

        public WorkerProcessCollection WorkerProcesses
        {
            get
            {
                var all = new WorkerProcessCollection();
                foreach (var pid in (ArrayList)World.Ask("workers", new Json { { "name", Name } })["pids"])
                    all.items.Add(new WorkerProcess { ProcessId = Convert.ToInt32(pid) });
                return all;
            }
        }

        internal Json Json()
        {
            var settings = new Dictionary<string, string>();
            Write("", settings);
            return new Json { { "name", Name }, { "auto", AutoStart }, { "settings", settings } };
        }
    }

    public class ApplicationPoolCollection : ConfigurationElementCollectionBase<ApplicationPool>
    {
        internal ApplicationPoolCollection(ArrayList seen)
        {
            foreach (Json p in seen)
            {
                var pool = new ApplicationPool((string)p["name"]) { AutoStart = (bool)p["auto"] };
                foreach (var s in (Json)p["settings"]) pool.Load(s.Key, s.Value);
                items.Add(pool);
            }
        }

        public ApplicationPool this[string name] { get { return items.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase)); } }

        public ApplicationPool Add(string name)
        {
            var pool = new ApplicationPool(name);
            items.Add(pool);
            return pool;
        }
    }

    public class ConfigurationElementCollection : ConfigurationElementCollectionBase<ConfigurationElement>
    {
        readonly Action<ConfigurationElement> removed, added;

        internal ConfigurationElementCollection(IEnumerable<ConfigurationElement> elements, Action<ConfigurationElement> removed, Action<ConfigurationElement> added)
        {
            items.AddRange(elements);
            this.removed = removed;
            this.added = added;
        }

        public ConfigurationElement CreateElement(string name) { return new ConfigurationElement(); }

        public ConfigurationElement Add(ConfigurationElement element)
        {
            items.Add(element);
            added(element);
            return element;
        }

        public override void Remove(ConfigurationElement element)
        {
            base.Remove(element);
            removed(element);
        }
    }

    public class ConfigurationSection : ConfigurationElement
    {
        readonly ConfigurationElementCollection elements;
        internal ConfigurationSection(ConfigurationElementCollection elements) { this.elements = elements; }
        public OverrideMode OverrideModeEffective { get; internal set; }
        public new ConfigurationElementCollection GetCollection() { return elements; }
    }

    /// applicationHost.config as plain elements; http.sys is not touched through these.
    public class Configuration
    {
        readonly ServerManager owner;
        readonly List<string> gone = new List<string>();
        readonly List<string> locations = new List<string>();
        readonly List<string> known = new List<string>();
        readonly List<string> keys = new List<string>();
        readonly List<string> old = new List<string>();
        readonly Json sections;

        internal Configuration(ServerManager owner, Json seen)
        {
            this.owner = owner;
            if (seen == null) return;
            sections = (Json)seen["sections"];
            known.AddRange(((ArrayList)seen["locations"]).Cast<string>());
            keys.AddRange(((ArrayList)seen["metadata"]).Cast<object>().Select(id => "LM/W3SVC/" + id));
            old.AddRange(((ArrayList)seen["legacy"]).Cast<object>().Select(id => "LM/W3SVC/" + id));
        }

        internal List<string> Metadata() { return gone; }
        internal List<string> Locations { get { return locations; } }

        public SectionGroup GetEffectiveSectionGroup()
        {
            var root = new SectionGroup("");
            foreach (var path in sections.Keys) root.Take(path.Split('/'));
            return root;
        }

        public string[] GetLocationPaths() { return known.ToArray(); }

        public void RemoveLocationPath(string path)
        {
            known.Remove(path);
            locations.Add(path);
        }

        public ConfigurationSection GetSection(string path)
        {
            switch (path)
            {
                case "system.applicationHost/sites":
                    return new ConfigurationSection(new ConfigurationElementCollection(owner.Sites.Cast<ConfigurationElement>(), e => owner.Sites.items.Remove((Site)e), e => { }));
                case "system.applicationHost/customMetadata":
                    return new ConfigurationSection(new ConfigurationElementCollection(keys.Select(Key), e => gone.Add((string)e.GetAttributeValue("path")), e => { }));
                case "configurationRedirection":
                    var section = new ConfigurationSection(null);
                    section.SetAttributeValue("enabled", World.Ask("redirection", new Json())["enabled"]);
                    return section;
                default:
                    if (!sections.ContainsKey(path)) throw new ArgumentException(path);
                    World.Ask("section", new Json { { "name", path } });
                    return new ConfigurationSection(null) { OverrideModeEffective = (bool)sections[path] ? OverrideMode.Deny : OverrideMode.Allow };
            }
        }

        /// One property of any kind, and where there is one of a metabase's certificate, that too.
        ConfigurationElement Key(string path)
        {
            var key = new ConfigurationElement();
            key.SetAttributeValue("path", path);
            key.Property(1003);
            if (old.Contains(path)) key.Property(5506);
            return key;
        }
    }
}
