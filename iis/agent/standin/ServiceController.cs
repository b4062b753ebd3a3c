// Stand-in for System.ServiceProcess, which Mono has not implemented.
namespace System.ServiceProcess
{
    public enum ServiceControllerStatus { Stopped = 1, Running = 4 }

    public class ServiceController : IDisposable
    {
        public ServiceController(string name) { }
        public ServiceControllerStatus Status { get { return ServiceControllerStatus.Running; } }
        public void Dispose() { }
    }
}
