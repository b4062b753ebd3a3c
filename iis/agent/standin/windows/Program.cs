// Runs the agent over standard input and output, on the simulated server that the arguments name: port, token, root folder, speed.
namespace IisCanary
{
    static class Program
    {
        static int Main(string[] args)
        {
            StandIn.World.Root = args[2];
            StandIn.World.Speed = double.Parse(args[3], System.Globalization.CultureInfo.InvariantCulture);
            StandIn.World.Connect(int.Parse(args[0]), args[1]);
            return Agent.Run(System.Console.OpenStandardInput(), System.Console.OpenStandardOutput());
        }
    }
}
