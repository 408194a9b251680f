export const usage = `usage: npm run lab -- COMMAND

  up [TOPOLOGY] [--fresh] [--mirror URL]   bring the lab up (default two-site)
  down                                     end it: no process, mount or namespace is left
  status [-f table|json]                   sites, services, cut links
  kill-site SITE | revive-site SITE        power cut, and power back
  cut SITE SITE | heal                     cut the WAN between two sites; undo every cut
  stop SITE SERVICE [--kill]               end one service (--kill: SIGKILL)
  start SITE SERVICE                       start it, wait until it serves
  logs SITE SERVICE [-f]                   what a service wrote
  console SITE SERVER-ID                   what a guest wrote to its serial console
  ping SITE NETWORK IP                     ping an address from inside a tenant network
  exec SITE|ops -- COMMAND…                run a command in a site, or on the WAN

Exit status: 0 done, 1 failed, 2 wrong usage; exec: the command's own.
`;
