package main

import "slices"

// checkID names a row of the preflight's table. It is said to people and programs, so it never changes its meaning.
type checkID string

// The rows, in the order in which things can be known.
const (
	checkReferences  checkID = "references"
	checkState       checkID = "state-writable"
	checkReadable    checkID = "package-readable"
	checkSigned      checkID = "package-signed"
	checkSafe        checkID = "package-safe"
	checkFits        checkID = "settings-fit"
	checkSound       checkID = "files-sound"
	checkBits        checkID = "bitness"
	checkBinding     checkID = "binding"
	checkAWS         checkID = "aws-answers"
	checkCredentials checkID = "aws-credentials"
	checkPermissions checkID = "aws-permissions"
	checkExpiry      checkID = "aws-credentials-last"
	checkClockAWS    checkID = "clock-aws"
	checkGroup       checkID = "target-group"
	checkSettings    checkID = "group-settings"
	checkForwards    checkID = "rule-forwards"
	checkRegistered  checkID = "registered"
	checkInstance    checkID = "instance-runs"
	checkHealthy     checkID = "healthy"
	checkNames       checkID = "server-names"
	checkOrder       checkID = "order"
	checkAddress     checkID = "address"
	checkResolves    checkID = "name-resolves"
	checkPort        checkID = "port-open"
	checkTLS         checkID = "tls-trusted"
	checkPassword    checkID = "password-accepted"
	checkWinRM       checkID = "winrm-answers"
	checkIIS         checkID = "iis-present"
	checkAgent       checkID = "agent-runs"
	checkPowerShell  checkID = "powershell"
	checkElevated    checkID = "elevated"
	checkServices    checkID = "iis-running"
	checkClock       checkID = "clock-server"
	checkBoots       checkID = "starts-at-boot"
	checkReboot      checkID = "no-restart-due"
	checkOwnConfig   checkID = "own-configuration"
	checkSurvey      checkID = "survey"
	checkDisk        checkID = "disk-room"
	checkModules     checkID = "modules"
	checkSections    checkID = "sections-open"
	checkRuntime     checkID = "runtime"
	checkCertificate checkID = "certificate"
	checkSitePort    checkID = "site-port"
	checkKept        checkID = "certificate-kept"
	checkOldSite     checkID = "old-site"
	checkOneSlot     checkID = "one-slot"
	checkSlotFree    checkID = "slot-free"
	checkFloor       checkID = "floor"
	checkLock        checkID = "no-other-run"
	checkUnfinished  checkID = "none-unfinished"
	checkElastic     checkID = "elastic-up"
	checkLogin       checkID = "elastic-login"
	checkIndex       checkID = "elastic-index"
	checkFields      checkID = "elastic-fields"
	checkFilter      checkID = "elastic-filter"
	checkTraffic     checkID = "old-traffic"
)

// check is one thing that can be known before the first change.
type check struct {
	id     checkID
	title  string    // what has to be so
	needs  []checkID // what has to be so before it can be looked at
	each   bool      // looked at on each server
	remedy string    // what a person does when it is not so
}

// checks is the table of everything that the preflight looks at.
func checks() []check {
	return slices.Concat(localChecks(), balancerChecks(), wayInChecks(), serverChecks(), fleetChecks(), logChecks())
}

func localChecks() []check {
	return []check{
		{id: checkReferences, title: "every secret and file that the configuration refers to can be read",
			remedy: "set the environment variable or write the file that is named, or correct the reference"},
		{id: checkState, title: "the journal of a run can be written",
			remedy: "free space there, give this account the right to write, or name another folder: state: FOLDER"},
		{id: checkReadable, title: "the package can be read",
			remedy: "build or copy the package again; it is a zip, a .nupkg, a .tar.gz, a Web Deploy zip or a folder"},
		{id: checkSigned, title: "the package has the signature that the configuration asks for", needs: []checkID{checkReadable, checkReferences},
			remedy: "sign the package with a key of package.signature, and put the signature beside it (docs/packages.md)"},
		{id: checkSafe, title: "the package holds nothing that could leave its folder, or that Windows cannot store",
			needs: []checkID{checkSigned}, remedy: "build the package again without these entries"},
		{id: checkFits, title: "every setting has its place in the package", needs: []checkID{checkSafe, checkReferences},
			remedy: "correct the setting in the configuration, or put the key into the package's file"},
		{id: checkSound, title: "IIS and .NET can read its web.config and runtimeconfig.json, and find the program that they name", needs: []checkID{checkFits},
			remedy: "correct that file, and publish the application anew (dotnet publish, or msbuild's WebPublish)"},
		{id: checkBits, title: "a 64-bit pool can load what is in it", needs: []checkID{checkSound},
			remedy: "build and publish it for x64 or for any CPU: the pools of slots are 64-bit"},
		{id: checkBinding, title: "a binding without a host name is there for the balancer's health checks",
			remedy: "add a binding without a host name to site.bindings, such as '*:443:'"},
	}
}

func balancerChecks() []check {
	return []check{
		{id: checkAWS, title: "AWS answers", needs: []checkID{checkReferences},
			remedy: "compare aws.region and aws.endpoint, and this machine's way to the internet"},
		{id: checkCredentials, title: "AWS takes the credentials", needs: []checkID{checkAWS},
			remedy: "renew the credentials (aws sts get-caller-identity shows whose they are)"},
		{id: checkPermissions, title: "the identity may read target groups, rules and instances", needs: []checkID{checkCredentials},
			remedy: "give the identity the permissions that docs/operations.md lists"},
		{id: checkExpiry, title: "the credentials outlive the roll and its revert", needs: []checkID{checkCredentials},
			remedy: "log in again before the deployment; a run whose credentials expire is held and can be resumed"},
		{id: checkClockAWS, title: "this machine's clock agrees with AWS's", needs: []checkID{checkCredentials},
			remedy: "set this machine's clock; let it follow a time server"},
		{id: checkGroup, title: "the target groups exist in this account and region", needs: []checkID{checkPermissions},
			remedy: "correct target_groups, aws.region or the account that the credentials belong to"},
		{id: checkSettings, title: "the target groups' settings suit a roll", needs: []checkID{checkGroup},
			remedy: "change the attribute of the target group, or accept what is said"},
		{id: checkForwards, title: "a listener rule forwards to every target group", needs: []checkID{checkGroup},
			remedy: "add a rule that forwards to the group, or take the group out of target_groups"},
		{id: checkRegistered, title: "servers are registered in every target group", needs: []checkID{checkGroup},
			remedy: "register the servers in the group"},
		{id: checkInstance, title: "the instance behind every target runs", needs: []checkID{checkGroup}, each: true,
			remedy: "start the instance, or deregister its target"},
		{id: checkHealthy, title: "every registered server is healthy", needs: []checkID{checkForwards}, each: true,
			remedy: "heal the server, or deregister it: a server that is not healthy now would look like a bad release"},
		{id: checkNames, title: "every server has a name of its own", needs: []checkID{checkGroup},
			remedy: "correct servers.names, or the tags of the instances"},
		{id: checkOrder, title: "servers.order names servers of the fleet only", needs: []checkID{checkGroup},
			remedy: "correct servers.order"},
	}
}

// wayInChecks follow each other on every server.
func wayInChecks() []check {
	return []check{
		{id: checkAddress, title: "every server has an address", needs: []checkID{checkGroup, checkReferences}, each: true,
			remedy: "correct servers.address, or the tag or the map that it names"},
		{id: checkResolves, title: "its name resolves", needs: []checkID{checkReferences, checkAddress}, each: true,
			remedy: "correct the name, or this machine's DNS; servers.address: private_ip needs none"},
		{id: checkPort, title: "its WinRM port takes connections", needs: []checkID{checkResolves}, each: true,
			remedy: "closed: create the listener of WinRM; no answer: open the port in the firewall and the security group (docs/operations.md)"},
		{id: checkTLS, title: "its certificate is trusted, or NTLM seals what is said without one", needs: []checkID{checkPort}, each: true,
			remedy: "give the authority as servers.winrm.ca, or the certificate's name as servers.winrm.server_name"},
		{id: checkPassword, title: "it accepts the login", needs: []checkID{checkTLS}, each: true,
			remedy: "correct servers.winrm.user and servers.winrm.password; auth: basic takes local accounts only, auth: kerberos those of a domain"},
		{id: checkWinRM, title: "WinRM answers and lets a shell open", needs: []checkID{checkPassword}, each: true,
			remedy: "restart the service WinRM there (Restart-Service WinRM), compare its limits: winrm get winrm/config"},
		{id: checkIIS, title: "IIS and its management library are installed", needs: []checkID{checkWinRM}, each: true,
			remedy: "Install-WindowsFeature Web-Server, Web-Mgmt-Console"},
		{id: checkAgent, title: "Windows PowerShell can run the host agent", needs: []checkID{checkIIS}, each: true,
			remedy: "Windows PowerShell 5.1 in full language mode is needed; AppLocker and WDAC policies can restrict it"},
	}
}

func serverChecks() []check {
	agent := []checkID{checkAgent}
	elevated := []checkID{checkElevated}
	surveyed := []checkID{checkSurvey}
	return []check{
		{id: checkPowerShell, title: "its PowerShell is the system's own, in full language mode", needs: agent, each: true,
			remedy: "let WinRM start the 64-bit Windows PowerShell 5.1; an AppLocker or WDAC policy can restrict its language"},
		{id: checkElevated, title: "the account has an administrator's rights over the network", needs: agent, each: true,
			remedy: "make the account a member of Administrators and set LocalAccountTokenFilterPolicy to 1 (docs/operations.md)"},
		{id: checkServices, title: "the services of IIS run", needs: elevated, each: true,
			remedy: "Start-Service WAS, W3SVC"},
		{id: checkBoots, title: "the services of IIS start with the server", needs: elevated, each: true,
			remedy: "Set-Service W3SVC -StartupType Automatic"},
		{id: checkReboot, title: "no restart of Windows is due", needs: elevated, each: true,
			remedy: "restart the server before the deployment, out of rotation"},
		{id: checkOwnConfig, title: "the configuration of its IIS is its own", needs: elevated, each: true,
			remedy: "switch shared configuration off on that server: IIS Manager, Shared Configuration"},
		{id: checkClock, title: "its clock agrees with this machine's", needs: agent, each: true,
			remedy: "let both follow a time server: w32tm /resync"},
		{id: checkSurvey, title: "IIS tells of its sites", needs: []checkID{checkServices}, each: true,
			remedy: "read the server's event log; another tool may hold the configuration of IIS"},
		{id: checkDisk, title: "its disk has room for the package three times", needs: []checkID{checkFits, checkAgent}, each: true,
			remedy: "free space on the disk of site.root, or lower site.keep"},
		{id: checkModules, title: "its IIS knows every section of the release's web.config files", needs: []checkID{checkBits, checkServices}, each: true,
			remedy: "install the module that brings the section, or leave the section out"},
		{id: checkSections, title: "no section of the release's web.config files is locked there", needs: []checkID{checkBits, checkServices}, each: true,
			remedy: "leave the section out, or unlock it there: appcmd unlock config /section:NAME"},
		{id: checkRuntime, title: "it has the .NET that the release is built for", needs: []checkID{checkBits, checkElevated}, each: true,
			remedy: "install that version of the ASP.NET Core Hosting Bundle or of .NET Framework"},
		{id: checkCertificate, title: "the certificate for the bindings is there, and no other is on the port", needs: elevated, each: true,
			remedy: `import it with its private key into LocalMachine\My, or correct site.certificate`},
		{id: checkSitePort, title: "no other program has a port of the bindings", needs: surveyed, each: true,
			remedy: "stop that program for good, or give it or site.bindings another port"},
		{id: checkKept, title: "nothing takes the certificate off the ports of the bindings", needs: surveyed, each: true,
			remedy: "see what is said; event 15300 of HttpEvent in the System log tells when a certificate was taken off a port"},
		{id: checkOldSite, title: "a server in rotation serves a slot of the app", needs: surveyed, each: true,
			remedy: "compare app with the names of the sites; the first slot, APP-NUMBER, is created and started by hand"},
		{id: checkOneSlot, title: "just one slot of the app runs on it, site and pool", needs: surveyed, each: true,
			remedy: "stop or start the slot as a whole, so that just the one that should serve runs"},
		{id: checkSlotFree, title: "the new slot's name is free there, or holds this very release", needs: []checkID{checkFits, checkSurvey}, each: true,
			remedy: "choose another slot: --slot NUMBER; a slot is never edited, and another setting makes another release"},
	}
}

func fleetChecks() []check {
	return []check{
		{id: checkFloor, title: "enough servers stay healthy while one is out", needs: []checkID{checkGroup},
			remedy: "add servers, heal the unhealthy ones, or lower rollout.min_healthy"},
		{id: checkLock, title: "no other run is in progress", needs: []checkID{checkSurvey}, each: true,
			remedy: "wait for it: --lock-wait 25m; what a dead process holds ends within 20 minutes; only where it is dead, resume or revert its run"},
		{id: checkUnfinished, title: "the newest run came to its end", needs: []checkID{checkSurvey},
			remedy: "resume that run, or revert it"},
	}
}

func logChecks() []check {
	return []check{
		{id: checkElastic, title: "Elasticsearch answers", needs: []checkID{checkReferences},
			remedy: "compare sources.elastic.urls and ca, and the cluster's state"},
		{id: checkLogin, title: "Elasticsearch accepts the key, and it may read the index", needs: []checkID{checkElastic},
			remedy: "correct sources.elastic.api_key; the key needs read and view_index_metadata on the index"},
		{id: checkIndex, title: "the index is there", needs: []checkID{checkLogin},
			remedy: "correct sources.elastic.index; a pattern must match at least one index"},
		{id: checkFields, title: "the fields are there, and of the right type", needs: []checkID{checkIndex},
			remedy: "correct sources.elastic.fields and release.field, or the mapping of the index"},
		{id: checkFilter, title: "the filter can be read", needs: []checkID{checkIndex},
			remedy: "correct sources.elastic.query"},
		{id: checkTraffic, title: "old traffic is visible, of every server", needs: []checkID{checkFields, checkFilter, checkSurvey},
			remedy: "compare the names of slots and servers with those in the logs (sources.elastic.release.field, fields.host), and the shipping of logs"},
	}
}
