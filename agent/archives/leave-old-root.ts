/**
 * Shell of a process in a private mount namespace: `$root`, a mount with the system's programs, becomes its root, and all
 * that it inherited goes. After chroot(1) alone it would keep each volume that was mounted at its start: what
 * it holds shows in nobody's mount table, and the device stays busy long after the volume was unmounted.
 */
export const leaveOldRoot = `
cd "$root"
mkdir old
ln -s old/proc proc # umount(8) asks it for the mount table
pivot_root . old
umount --lazy /old
rm proc
rmdir old
`;
