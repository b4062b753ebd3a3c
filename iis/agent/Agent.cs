namespace IisCanary
{
    using System.IO;

    public static class Agent
    {
        public static int Run(Stream input, Stream output) { return 0; }
    }
}
