// Parts of the .NET Framework that an installation of Mono may be without: services, and Windows Management Instrumentation.
namespace System.ServiceProcess
{
    public enum ServiceControllerStatus { Stopped = 1, StartPending, StopPending, Running, ContinuePending, PausePending, Paused }

    public class ServiceController : IDisposable
    {
        readonly string name;
        public ServiceController(string name) { this.name = name; }

        public ServiceControllerStatus Status
        {
            get
            {
                var state = (string)StandIn.World.Ask("service", new System.Collections.Generic.Dictionary<string, object> { { "name", name } })["state"];
                if (state == "absent") throw new InvalidOperationException("Service " + name + " was not found on computer '.'.");
                return (ServiceControllerStatus)Enum.Parse(typeof(ServiceControllerStatus), state, true);
            }
        }

        public void Dispose() { }
    }
}

namespace System.Management
{
    using System.Collections;
    using System.Collections.Generic;
    using System.Linq;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    public class ManagementException : Exception
    {
        public ManagementException(string message) : base(message) { }
    }

    public class ManagementBaseObject
    {
        readonly Json values;
        public ManagementBaseObject(Json values) { this.values = values; }
        public object this[string name] { get { return values[name]; } }
    }

    public class ManagementObjectCollection : IEnumerable, IDisposable
    {
        readonly IEnumerable<ManagementBaseObject> all;
        public ManagementObjectCollection(IEnumerable<ManagementBaseObject> all) { this.all = all; }
        public IEnumerator GetEnumerator() { return all.GetEnumerator(); }
        public void Dispose() { }
    }

    public class EnumerationOptions { public TimeSpan Timeout { get; set; } }

    public class ManagementObjectSearcher : IDisposable
    {
        readonly string question;
        readonly EnumerationOptions options = new EnumerationOptions();
        public ManagementObjectSearcher(string question) { this.question = question; }
        public EnumerationOptions Options { get { return options; } }

        public ManagementObjectCollection Get()
        {
            Json answer;
            try { answer = StandIn.World.Ask("wmi", new Json { { "query", question } }); }
            catch (System.Runtime.InteropServices.COMException e) { throw new ManagementException(e.Message); }
            return new ManagementObjectCollection(((ArrayList)answer["rows"]).Cast<Json>().Select(r => new ManagementBaseObject(r)).ToList());
        }

        public void Dispose() { }
    }
}
