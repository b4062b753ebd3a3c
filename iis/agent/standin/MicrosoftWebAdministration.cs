// Stand-in for Microsoft.Web.Administration, so that the agent can be compiled and run without Windows. Its names and
// signatures are those of the real assembly. State lives in memory, shared by all managers, as IIS shares it.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace Microsoft.Web.Administration
{
    public enum ObjectState { Starting, Started, Stopping, Stopped, Unknown }
    public enum ManagedPipelineMode { Integrated, Classic }
    public enum WorkerProcessState { Starting, Running, Stopping, Unknown }
    [Flags] public enum LogExtFileFlags { None = 0, Date = 1, Time = 2, SiteName = 16 }

    public class ConfigurationElement
    {
        readonly Dictionary<string, object> attributes = new Dictionary<string, object>();
        public virtual object GetAttributeValue(string name) { object v; attributes.TryGetValue(name, out v); return v; }
        public virtual void SetAttributeValue(string name, object value) { attributes[name] = value; }
    }

    public class ConfigurationElementCollectionBase<T> : ConfigurationElement, IEnumerable<T> where T : ConfigurationElement
    {
        protected internal readonly List<T> items = new List<T>();
        public virtual void Remove(T element) { items.Remove(element); }
        public int Count { get { return items.Count; } }
        public IEnumerator<T> GetEnumerator() { return items.GetEnumerator(); }
        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    public class Binding : ConfigurationElement
    {
        public string Protocol { get; set; }
        public string BindingInformation { get; set; }
        public byte[] CertificateHash { get; set; }
    }

    public class BindingCollection : ConfigurationElementCollectionBase<Binding>
    {
        public Binding Add(string information, string protocol)
        {
            var b = new Binding { BindingInformation = information, Protocol = protocol };
            items.Add(b);
            return b;
        }
        public Binding Add(string information, byte[] hash, string store)
        {
            var b = Add(information, "https");
            b.CertificateHash = hash;
            return b;
        }
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
        public Application this[string path] { get { return items.FirstOrDefault(); } }
    }

    public class SiteLogFile : ConfigurationElement { public LogExtFileFlags LogExtFileFlags { get; set; } }

    public class Site : ConfigurationElement
    {
        readonly BindingCollection bindings = new BindingCollection();
        readonly ApplicationCollection applications = new ApplicationCollection();
        readonly SiteLogFile log = new SiteLogFile();
        ObjectState state = ObjectState.Stopped;
        public long Id { get; set; }
        public string Name { get; set; }
        public bool ServerAutoStart { get; set; }
        public BindingCollection Bindings { get { return bindings; } }
        public ApplicationCollection Applications { get { return applications; } }
        public SiteLogFile LogFile { get { return log; } }
        public ObjectState State { get { return state; } }
        public ObjectState Start() { return state = ObjectState.Started; }
        public ObjectState Stop() { return state = ObjectState.Stopped; }
        public override object GetAttributeValue(string name) { return name == "name" ? Name : base.GetAttributeValue(name); }
    }

    public class SiteCollection : ConfigurationElementCollectionBase<Site>
    {
        public Site this[string name] { get { return items.FirstOrDefault(s => string.Equals(s.Name, name, StringComparison.OrdinalIgnoreCase)); } }
        public Site Add(string name, string protocol, string information, string path)
        {
            var site = new Site { Name = name, ServerAutoStart = true, Id = items.Count + 1 };
            site.Bindings.Add(information, protocol);
            var app = new Application { ApplicationPoolName = "DefaultAppPool" };
            app.VirtualDirectories.items.Add(new VirtualDirectory { PhysicalPath = path });
            site.Applications.items.Add(app);
            items.Add(site);
            return site;
        }
    }

    public class Request : ConfigurationElement { }
    public class RequestCollection : ConfigurationElementCollectionBase<Request> { }

    public class WorkerProcess : ConfigurationElement
    {
        public int ProcessId { get; internal set; }
        public WorkerProcessState State { get { return WorkerProcessState.Running; } }
        public RequestCollection GetRequests(int milliseconds) { return new RequestCollection(); }
    }

    public class WorkerProcessCollection : ConfigurationElementCollectionBase<WorkerProcess> { }
    public class ApplicationPoolProcessModel : ConfigurationElement { public TimeSpan IdleTimeout { get; set; } }
    public class ApplicationPoolPeriodicRestart : ConfigurationElement { public TimeSpan Time { get; set; } }

    public class ApplicationPoolRecycling : ConfigurationElement
    {
        readonly ApplicationPoolPeriodicRestart periodic = new ApplicationPoolPeriodicRestart();
        public ApplicationPoolPeriodicRestart PeriodicRestart { get { return periodic; } }
    }

    public class ApplicationPool : ConfigurationElement
    {
        readonly ApplicationPoolProcessModel model = new ApplicationPoolProcessModel();
        readonly ApplicationPoolRecycling recycling = new ApplicationPoolRecycling();
        ObjectState state = ObjectState.Stopped;
        Process worker;
        public string Name { get; set; }
        public bool AutoStart { get; set; }
        public string ManagedRuntimeVersion { get; set; }
        public ManagedPipelineMode ManagedPipelineMode { get; set; }
        public ApplicationPoolProcessModel ProcessModel { get { return model; } }
        public ApplicationPoolRecycling Recycling { get { return recycling; } }
        public ObjectState State { get { return state; } }
        public WorkerProcessCollection WorkerProcesses
        {
            get
            {
                var all = new WorkerProcessCollection();
                if (worker != null && !worker.HasExited) all.items.Add(new WorkerProcess { ProcessId = worker.Id });
                return all;
            }
        }
        public ObjectState Start() // its worker is a real process, so that waiting for its end is waiting for something
        {
            if (worker == null) worker = Process.Start(new ProcessStartInfo("sleep", "300") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true });
            return state = ObjectState.Started;
        }
        public ObjectState Stop()
        {
            if (worker != null) { worker.Kill(); worker.WaitForExit(); worker = null; }
            return state = ObjectState.Stopped;
        }
    }

    public class ApplicationPoolCollection : ConfigurationElementCollectionBase<ApplicationPool>
    {
        public ApplicationPool this[string name] { get { return items.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase)); } }
        public ApplicationPool Add(string name)
        {
            var pool = new ApplicationPool { Name = name, AutoStart = true };
            items.Add(pool);
            return pool;
        }
    }

    public class ConfigurationElementCollection : ConfigurationElementCollectionBase<ConfigurationElement>
    {
        readonly SiteCollection sites;
        internal ConfigurationElementCollection(SiteCollection sites) { this.sites = sites; items.AddRange(sites.Cast<ConfigurationElement>()); }
        public override void Remove(ConfigurationElement element) { base.Remove(element); sites.Remove((Site)element); }
    }

    public class ConfigurationSection : ConfigurationElement
    {
        readonly SiteCollection sites;
        internal ConfigurationSection(SiteCollection sites) { this.sites = sites; }
        public ConfigurationElementCollection GetCollection() { return new ConfigurationElementCollection(sites); }
    }

    public class Configuration
    {
        readonly SiteCollection sites;
        internal Configuration(SiteCollection sites) { this.sites = sites; }
        public ConfigurationSection GetSection(string path)
        {
            if (path != "system.applicationHost/sites") throw new ArgumentException(path);
            return new ConfigurationSection(sites);
        }
    }

    public class ServerManager : IDisposable
    {
        static readonly SiteCollection sites = new SiteCollection();
        static readonly ApplicationPoolCollection pools = new ApplicationPoolCollection();
        public SiteCollection Sites { get { return sites; } }
        public ApplicationPoolCollection ApplicationPools { get { return pools; } }
        public Configuration GetApplicationHostConfiguration() { return new Configuration(sites); }
        public void CommitChanges() { }
        public void Dispose() { }
    }
}
