// Stand-in for Microsoft.Web.Administration, so that the agent can be compiled and run without Windows. Names and signatures are
// those of the real assembly. A manager reads the configuration once, when it is first asked, and keeps what it saw: settings,
// and also states. Only a new one sees anything new.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using StandIn;
using Json = System.Collections.Generic.Dictionary<string, object>;

namespace Microsoft.Web.Administration
{
    public enum WorkerProcessState { Starting, Running, Stopping, Unknown }
    [Flags] public enum LogExtFileFlags { None = 0, Date = 1, Time = 2, SiteName = 16 }

    public sealed class ServerManager : IDisposable
    {
        Json read;
        SiteCollection sites;
        ApplicationPoolCollection pools;
        Configuration configuration;
        internal readonly List<Json> Kernel = new List<Json>(); // what the commit has http.sys do once the file is written
        internal bool Lost;

        public SiteCollection Sites { get { Read(); return sites; } }
        public ApplicationPoolCollection ApplicationPools { get { Read(); return pools; } }
        public Configuration GetApplicationHostConfiguration() { Read(); return configuration; }
        public Configuration GetRedirectionConfiguration() { return new Configuration(this, null); }

        internal string Store { get { return (string)read["store"]; } }

        internal string HashOn(string binding)
        {
            var elsewhere = (string)read["elsewhere"];
            return elsewhere == "" || binding.Contains(":" + read["port"] + ":") ? (string)read["bound"] : elsewhere;
        }

        void Read()
        {
            if (read != null) return;
            var seen = World.Ask("config", new Json());
            read = seen;
            pools = new ApplicationPoolCollection((ArrayList)seen["pools"]);
            sites = new SiteCollection(this, (ArrayList)seen["sites"]);
            configuration = new Configuration(this, seen);
        }

        public void CommitChanges()
        {
            Read();
            World.Ask("commit", new Json
            {
                { "version", read["version"] }, { "lost", Lost }, { "kernel", Kernel },
                { "sites", sites.Select(s => s.Json()).ToList() }, { "pools", pools.Select(p => p.Json()).ToList() },
                { "metadata", configuration.Metadata() }, { "locations", configuration.Locations },
            });
        }

        public void Dispose() { }
    }

    public class ConfigurationElement
    {
        readonly Dictionary<string, object> attributes = new Dictionary<string, object>();
        readonly Dictionary<string, ConfigurationElement> children = new Dictionary<string, ConfigurationElement>();

        readonly List<ConfigurationElement> properties = new List<ConfigurationElement>();

        internal void Property(long id)
        {
            var property = new ConfigurationElement();
            property.SetAttributeValue("id", id);
            properties.Add(property);
        }

        public ConfigurationElementCollection GetCollection() { return new ConfigurationElementCollection(properties, e => { }, e => { }); }
        public virtual ConfigurationElementCollection GetCollection(string name) { throw new ArgumentException(name); }

        public virtual object GetAttributeValue(string name) { object v; attributes.TryGetValue(name, out v); return v; }
        public virtual void SetAttributeValue(string name, object value) { attributes[name] = value; }

        public ConfigurationElement GetChildElement(string name)
        {
            if (!children.ContainsKey(name)) children[name] = new ConfigurationElement();
            return children[name];
        }

        /// Every attribute by its path, in the words of applicationHost.config.
        internal void Write(string path, Dictionary<string, string> into)
        {
            foreach (var a in attributes) into[path + a.Key] = Word(a.Value);
            foreach (var c in children) c.Value.Write(path + c.Key + ".", into);
        }

        internal void Load(string path, object value)
        {
            var at = path.IndexOf('.');
            if (at < 0) SetAttributeValue(path, value);
            else GetChildElement(path.Substring(0, at)).Load(path.Substring(at + 1), value);
        }

        static string Word(object value)
        {
            if (value is bool) return (bool)value ? "true" : "false";
            return Convert.ToString(value, CultureInfo.InvariantCulture);
        }
    }

    public class ConfigurationElementCollectionBase<T> : ConfigurationElement, IEnumerable<T> where T : ConfigurationElement
    {
        protected internal readonly List<T> items = new List<T>();
        public virtual void Remove(T element) { items.Remove(element); }
        public int Count { get { return items.Count; } }
        public IEnumerator<T> GetEnumerator() { return items.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public class VirtualDirectory : ConfigurationElement { public string PhysicalPath { get; set; } }

    public class VirtualDirectoryCollection : ConfigurationElementCollectionBase<VirtualDirectory>
    {
        public VirtualDirectory this[string path] { get { return items.FirstOrDefault(); } }
    }

    public class Application : ConfigurationElement
    {
        readonly VirtualDirectoryCollection folders = new VirtualDirectoryCollection();
        public string ApplicationPoolName { get; set; }
        public VirtualDirectoryCollection VirtualDirectories { get { return folders; } }
    }

    public class ApplicationCollection : ConfigurationElementCollectionBase<Application>
    {
        public Application Add(string path, string folder)
        {
            var app = new Application { ApplicationPoolName = "DefaultAppPool" };
            app.VirtualDirectories.items.Add(new VirtualDirectory { PhysicalPath = folder });
            items.Add(app);
            return app;
        }

        public Application this[string path] { get { return items.FirstOrDefault(); } }
    }

    public class SiteLogFile : ConfigurationElement
    {
        public LogExtFileFlags LogExtFileFlags { get; set; }
    }

    public class Site : ConfigurationElement
    {
        readonly BindingCollection bindings;
        readonly ApplicationCollection applications = new ApplicationCollection();
        readonly SiteLogFile log = new SiteLogFile();
        Runtime runtime;

        internal Site(ServerManager owner)
        {
            bindings = new BindingCollection(owner);
            ServerAutoStart = true;
            log.SetAttributeValue("logSiteId", true);
        }

        public long Id { get; set; }
        public string Name { get; set; }
        public bool ServerAutoStart { get; set; }
        public BindingCollection Bindings { get { return bindings; } }
        public ApplicationCollection Applications { get { return applications; } }
        public SiteLogFile LogFile { get { return log; } }
        public ObjectState State { get { return (runtime ?? (runtime = new Runtime("site", Name))).State; } }
        public ObjectState Start() { return new Runtime("site", Name).Act("start"); }
        public ObjectState Stop() { return new Runtime("site", Name).Act("stop"); }
        public override ConfigurationElementCollection GetCollection(string name) { return name == "bindings" ? bindings.Plain() : base.GetCollection(name); }
        public override object GetAttributeValue(string name) { return name == "name" ? Name : name == "id" ? Id : base.GetAttributeValue(name); }

        internal Json Json()
        {
            var app = applications["/"];
            return new Json
            {
                { "name", Name }, { "id", Id }, { "auto", ServerAutoStart }, { "pool", app.ApplicationPoolName },
                { "path", app.VirtualDirectories["/"].PhysicalPath }, { "bindings", bindings.Select(b => b.BindingInformation).ToList() },
                { "named", (log.LogExtFileFlags & LogExtFileFlags.SiteName) != 0 && false.Equals(log.GetAttributeValue("logSiteId")) },
            };
        }
    }

    public class SiteCollection : ConfigurationElementCollectionBase<Site>
    {
        readonly ServerManager owner;

        internal SiteCollection(ServerManager owner, ArrayList seen)
        {
            this.owner = owner;
            foreach (Json s in seen)
            {
                var bindings = ((ArrayList)s["bindings"]).Cast<string>().ToList();
                var site = Make((string)s["name"], (string)s["path"]);
                site.Applications["/"].ApplicationPoolName = (string)s["pool"];
                foreach (var b in bindings) site.Bindings.Load(b, b.Contains(":") ? "https" : "net.pipe", (string)s["sni"]); // *, of net.pipe
                site.Id = Convert.ToInt64(s["id"]);
                site.ServerAutoStart = (bool)s["auto"];
                site.LogFile.LogExtFileFlags = LogExtFileFlags.SiteName;
                site.LogFile.SetAttributeValue("logSiteId", !(bool)s["named"]);
            }
        }

        public Site this[string name] { get { return items.FirstOrDefault(s => string.Equals(s.Name, name, StringComparison.OrdinalIgnoreCase)); } }

        public Site Add(string name, string protocol, string information, string path)
        {
            var site = Make(name, path);
            site.Bindings.Add(information, protocol);
            site.Id = items.Max(s => s.Id) + 1; // mine is among them, with 0
            return site;
        }

        public Site CreateElement() { return new Site(owner); }

        public Site Add(Site site)
        {
            if (this[site.Name] != null) throw new System.Runtime.InteropServices.COMException("Cannot add duplicate collection entry", unchecked((int)0x800700B7));
            items.Add(site);
            return site;
        }

        /// Removing a site as an object may take the certificate of its port away in http.sys (KB 2405568).
        public override void Remove(Site site)
        {
            base.Remove(site);
            owner.Lost = true;
        }

        Site Make(string name, string path)
        {
            var site = new Site(owner) { Name = name };
            site.Applications.Add("/", path);
            return Add(site);
        }
    }
}
