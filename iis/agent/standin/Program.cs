// Runs the agent over standard input and output, its data in the folder given.
using System;

static class Program
{
    static int Main(string[] args)
    {
        IisCanary.Data.Home = args[0];
        return IisCanary.Agent.Run(Console.OpenStandardInput(), Console.OpenStandardOutput());
    }
}
