namespace IisCanary
{
    using System;
    using System.Net;

    /// The versions of TLS that requests of ours speak: 1.2, and 1.3 where .NET knows it. The .NET of an old server offers neither by itself.
    static class Tls
    {
        const SecurityProtocolType Tls12 = (SecurityProtocolType)3072, Tls13 = (SecurityProtocolType)12288; // .NET 4.5 names neither

        /// The setting is the process': it is put back.
        public static void During(Action act)
        {
            var before = ServicePointManager.SecurityProtocol;
            try { ServicePointManager.SecurityProtocol = Tls12 | Tls13; }
            catch (NotSupportedException) { ServicePointManager.SecurityProtocol = Tls12; }
            try { act(); }
            finally { ServicePointManager.SecurityProtocol = before; }
        }
    }
}
