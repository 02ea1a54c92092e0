# Sa sèvè a di an kreyòl ayisyen. Se kòmansman: yon moun ki pale kreyòl dwe reli l. Sa ki manke a soti an franse (fr.ftl).

kind-conflict = De repons diferan
outcome-quarantined = Mete sou kote
record-draft = Poko fini
record-finalised = Fini
