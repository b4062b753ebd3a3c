// Bindings of sites, of the stand-in for Microsoft.Web.Administration: typed ones are coupled to http.sys, plain elements are not.
using System;
using System.Collections.Generic;
using System.Linq;
using Json = System.Collections.Generic.Dictionary<string, object>;

namespace Microsoft.Web.Administration
{
    /// The certificate that hangs on the binding's port in http.sys is read through it; with a server name (SNI) it has one of its own.
    public class Binding : ConfigurationElement
    {
        readonly ServerManager owner;
        readonly string sni;

        internal Binding(ServerManager owner, string sni)
        {
            this.owner = owner;
            this.sni = sni;
            SetAttributeValue("sslFlags", sni == "" ? 0L : 1L);
        }

        public string Protocol { get; set; }
        public string BindingInformation { get; set; }
        public string CertificateStoreName { get { return CertificateHash == null ? null : owner.Store; } }

        public byte[] CertificateHash
        {
            get
            {
                var hash = sni == "" ? owner.HashOn(BindingInformation) : sni;
                return Protocol == "https" && hash != "" ? Bytes(hash) : null;
            }
        }

        static byte[] Bytes(string hex)
        {
            return Enumerable.Range(0, hex.Length / 2).Select(i => Convert.ToByte(hex.Substring(2 * i, 2), 16)).ToArray();
        }
    }

    public class BindingCollection : ConfigurationElementCollectionBase<Binding>
    {
        readonly ServerManager owner;
        internal BindingCollection(ServerManager owner) { this.owner = owner; }

        internal Binding Load(string information, string protocol, string sni)
        {
            var b = new Binding(owner, sni) { BindingInformation = information, Protocol = protocol };
            items.Add(b);
            return b;
        }

        /// A binding whose port has a certificate sets that again when it is committed.
        public Binding Add(string information, string protocol)
        {
            var b = Load(information, protocol, "");
            if (b.CertificateHash != null) Queue("add", b, b.CertificateHash);
            return b;
        }

        public Binding Add(string information, byte[] hash, string store)
        {
            var b = Load(information, "https", "");
            Queue("add", b, hash);
            return b;
        }

        public override void Remove(Binding binding)
        {
            base.Remove(binding);
            if (binding.CertificateHash != null) Queue("remove", binding, binding.CertificateHash);
        }

        void Queue(string verb, Binding binding, byte[] hash)
        {
            owner.Kernel.Add(new Json { { "verb", verb }, { "binding", binding.BindingInformation }, { "hash", BitConverter.ToString(hash).Replace("-", "") } });
        }

        /// The same as elements of the file only.
        internal ConfigurationElementCollection Plain()
        {
            return new ConfigurationElementCollection(items.Cast<ConfigurationElement>(), e => items.Remove((Binding)e),
                e => Load((string)e.GetAttributeValue("bindingInformation"), (string)e.GetAttributeValue("protocol"), ""));
        }
    }
}
