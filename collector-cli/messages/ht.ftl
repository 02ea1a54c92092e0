# Sa moun li an kreyòl ayisyen, kote mo yo si. Rès la parèt an franse. Yon moun ki pale kreyòl dwe reli fichye sa a.

localised = { $ht }
status-draft = Poko fini
status-finalised = Fini
state-to-send = Pou voye
delta-to-send = Pou voye
delta-set-aside = Mete sou kote, anyen pa pèdi
finding-conflict = De repons diferan : { $subject }
status-conflicts = De repons diferan : { $count }
slip-number = Nimewo fwaye a : { $number }
slip-date = Vizit { $date }
slip-complaint = Pou pote plent, rele : { $telephone }
slip-keep = Kenbe papye sa a. Li pa pwomèt okenn èd.
