import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { environmentOf, findProgram, freePort, makeCertificate, makeUploadFolder, reachable, type StartPeer, unprivileged } from './peer';

/** vsftpd with TLS and an anonymous upload folder, so that it needs no account of the machine. */
export const startVsftpd: StartPeer = async (folder, programs) => {
  const found = findProgram('vsftpd', programs);
  // It goes to the home of its account first, and ends where there is none.
  if (!found || !existsSync(unprivileged().home)) return undefined;
  const root = path.join(folder, 'root');
  mkdirSync(path.join(folder, 'empty'), { recursive: true });
  mkdirSync(root);
  makeUploadFolder(folder, 'root/up');
  const { key, certificate } = makeCertificate(folder);
  const port = await freePort();
  const config = path.join(folder, 'vsftpd.conf');
  const settings = {
    listen: 'YES',
    listen_ipv6: 'NO',
    listen_address: '127.0.0.1',
    listen_port: port,
    background: 'NO',
    anonymous_enable: 'YES',
    ftp_username: unprivileged().user,
    local_enable: 'NO',
    write_enable: 'YES',
    anon_upload_enable: 'YES',
    anon_other_write_enable: 'YES',
    anon_umask: '022',
    anon_root: root,
    ssl_enable: 'YES',
    allow_anon_ssl: 'YES',
    force_anon_data_ssl: 'YES',
    force_anon_logins_ssl: 'YES',
    ssl_tlsv1: 'YES',
    rsa_cert_file: certificate,
    rsa_private_key_file: key,
    require_ssl_reuse: 'NO',
    ssl_ciphers: 'HIGH',
    secure_chroot_dir: path.join(folder, 'empty'),
    xferlog_enable: 'NO',
    seccomp_sandbox: 'NO',
    no_anon_password: 'YES',
  };
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const child = spawn(found.program, [config], { stdio: 'inherit', env: environmentOf(found.root) });
  await reachable(port, 'vsftpd');
  return {
    name: 'vsftpd',
    url: `ftp://anonymous:x@localhost:${port}/up/`,
    pid: child.pid,
    stop: async () => void child.kill(),
  };
};
