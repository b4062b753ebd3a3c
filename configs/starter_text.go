package configs

// starterText is the file that a [Starter] becomes.
const starterText = `# yaml-language-server: $schema=./schema.json
#
# How a release is rolled through the servers. For completion and checks in an editor: iis-canary schema > schema.json
# What is not here has a default; the schema tells it. A time needs its unit (90s, 2m); a number of servers is a count (2)
# or a share (25%%); a secret is never written out (env:NAME, or file:PATH beside this file).

# The base name. Each release becomes a site of its own, called by this name and a number.
app: %s

# Without keys here, the usual ones are found: environment, profile, role.
aws: { region: %s }

# Names or ARNs. A server is rolled in all of them together.
target_groups: %s

servers:
  # Where a server is reached: private_ip, private_dns or tag:NAME (the value of an instance tag).
  address: %s
  # What a server is called, also in the logs: tag:NAME, private_dns or instance_id.
  names: tag:Name
  winrm:
    # basic takes local accounts, over https. Also: ntlm, kerberos (a domain's accounts) and certificate.
    auth: basic
    user: %s
    password: %s
    # Trust the authority of the listeners' certificates, where this machine does not:
    # ca: winrm-ca.pem

site:
  # The folder on the servers that each release gets a folder in.
  root: %s
  # ADDRESS:PORT:HOST, as IIS writes them. Without a host name: health checks have none.
  bindings: ['*:443:']
  # One that every server has in its own store:
  # certificate: { subject: '*.domain.com' }
  # v4.0, or none for ASP.NET Core.
  runtime: v4.0

# Asked for on the server itself before customers come. Best a page that touches what customers will: database, caches.
warmup: { path: %s }

# One server at a time, and a share of them always serves.
rollout: { waves: each, min_healthy: 50%% }

# After each server, its users' requests are watched: at least this long, at most that long when the verdict is unsure.
bake: { for: 2m, at_most: 10m }

# What the release is judged by: the servers on the old release, in the same seconds, set the measure.
metrics:
  - { name: errors, source: elastic, bad: 'status >= 500', limit: 1.5 x old + 0.1%% }
  - { name: slow, source: elastic, slower_than: old p95, limit: 1.2 x old + 1%% }

sources:
  elastic:
    urls: %s
    api_key: %s
    # The access log: one document for each request.
    index: %s
    # A field of type keyword that holds the name of the site that answered.
    release: { field: %s }

# A refused release is taken back from every server. hold leaves it for a person to decide.
on_failure: revert
`
